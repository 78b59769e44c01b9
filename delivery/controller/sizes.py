"""How many pods each role is to have, where no autoscaler says so."""

from delivery.cluster.objects import Change, Object
from delivery.controller import scaling
from delivery.controller.picture import Picture
from strategies.decision import Wanted


def floor(wanted: Wanted, picture: Picture, epoch: int, *, coming: bool) -> Change | None:
    """The primary never has fewer pods than the run began with. Not in the tick that writes its template (`coming`).

    An autoscaler holds that itself, once there are any.
    """
    if picture.primary is None or wanted.primary_floor is None or coming:
        return None
    if picture.scaling.scales_primary and not _sleeps(picture.primary):
        return None
    why = "hold the primary's floor"
    return picture.workload.at_least(picture.primary, wanted.primary_floor, epoch=epoch, why=why)


def scale_up(wanted: Wanted, picture: Picture, epoch: int) -> Change | None:
    """The target gets the pods that its next share needs."""
    if picture.target is None or not wanted.canary_replicas:
        return None
    pods, why = wanted.canary_replicas, "scale the canary up"
    if picture.scaling.scales_target:
        if not _sleeps(picture.target) or not picture.scaling.target_wakes:
            return None
        pods = scaling.least_pods(wanted, picture.scaling)
    return picture.workload.at_least(picture.target, pods, epoch=epoch, why=why)


def _sleeps(workload: Object) -> bool:
    """Has it no pods, so that no autoscaler looks at it?"""
    return bool(workload["spec"].get("replicas") == 0)


def rest(wanted: Wanted, picture: Picture, epoch: int) -> Change | None:
    """The target has no pods between runs."""
    if picture.target is None or wanted.canary_replicas != 0 or not picture.scaling.target_rests:
        return None
    return picture.workload.rest(picture.target, epoch=epoch)
