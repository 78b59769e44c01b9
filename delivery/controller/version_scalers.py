"""The autoscalers of versions: each is its people's, found by what it scales, and a run only borrows of them.

Nothing is copied where promotions move users, for each version's Deployment has its own. While a run needs pods the
least number of the version that serves, of the one that is tried, and of the one before, is raised, and then given
back. What a GitOps tool keeps is left alone: there pods are waited for, and what is missing is named.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from delivery.cluster.indexes import FLOOR_INDEX, SCALES_INDEX
from delivery.cluster.objects import AUTOSCALING_VERSIONS, SCALED_OBJECTS, Change, Kind, Object, Ref
from delivery.cluster.reader import Reader
from delivery.workloads.autoscalers import floors, preflight
from delivery.workloads.autoscalers.flavours import flavour_of, paused_at
from delivery.workloads.autoscalers.preflight import Found
from delivery.workloads.names import Names
from delivery.workloads.ownership import annotations, labels
from delivery.workloads.targets.leading import Led
from strategies.decision import Wanted
from strategies.snapshot import Problem

_GITOPS = ("toolkit.fluxcd.io", "argocd.argoproj.io")
_ARGO_LABEL, _HELM = "app.kubernetes.io/instance", "meta.helm.sh/release-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionScalers:
    """What scales the version to release, the one that serves, and the one that served before; and what of all that
    carries a floor of this Canary, with some that may be of none of the three any more.
    """

    target: tuple[Found, ...] = ()
    primary: tuple[Found, ...] = ()
    before: tuple[Found, ...] = ()
    held: tuple[Found, ...] = ()

    @property
    def all(self) -> tuple[Found, ...]:
        """Each of them once."""
        every = (*self.target, *self.primary, *self.before, *self.held)
        return tuple({Ref.of(kind, body): (kind, body) for kind, body in every}.values())


def look(reader: Reader, names: Names, led: Led) -> VersionScalers:
    """Look everything up. Costs no request."""
    kinds = [kind for kind in (*AUTOSCALING_VERSIONS, SCALED_OBJECTS) if reader.watches(kind)]

    def indexed(index: str, name: str) -> list[Found]:
        return [(kind, body) for kind in kinds for body in reader.indexed(kind, index, f"{names.namespace}/{name}")]

    def of(deployment: str) -> tuple[Found, ...]:
        return tuple(preflight.scaling(indexed(SCALES_INDEX, deployment), "Deployment")) if deployment else ()

    return VersionScalers(
        target=of(names.target),
        primary=of(led.deployment),
        before=of(led.before),
        held=tuple(indexed(FLOOR_INDEX, names.canary)),
    )


def holding(wanted: Wanted, scalers: VersionScalers, names: Names, *, epoch: int) -> Iterator[Change]:
    """The changes after which each brings the pods that a run needs of it."""
    for (kind, body), least in _asked(wanted, scalers):
        if least and not is_kept(body) and paused_at(body) is None:
            change = floors.hold(kind, body, canary=names.canary, least=least, epoch=epoch)
            if change is not None:
                yield change


def letting_go(wanted: Wanted, scalers: VersionScalers, *, epoch: int) -> Iterator[Change]:
    """The changes after which none of them holds what is no longer needed."""
    for (kind, body), least in _asked(wanted, scalers):
        if least == 0 and (change := floors.give_back(kind, body, epoch=epoch)) is not None:
            yield change


def lacking(wanted: Wanted, scalers: VersionScalers) -> Problem | None:
    """Why the version to release will not get the pods that are wanted of it, if so."""
    least = wanted.canary_min
    if not least:
        return None
    found = (_kept_below(kind, body, least) or floors.lack(kind, body, least=least) for kind, body in scalers.target)
    return next(filter(None, found), None)


def _kept_below(kind: Kind, body: Object, least: int) -> Problem | None:
    """Is it a GitOps tool's, and allows fewer?"""
    if not is_kept(body):
        return None
    flavour = flavour_of(kind)
    if flavour.bounds(body)[0] >= least:
        return None
    what = f"{kind.kind} {body['metadata']['name']}"
    return Problem(
        reason="AutoscalerHoldsBack",
        message=f"{what} is kept by a GitOps tool and is left alone; give it {flavour.least} {least} there, or wait "
        "for the load to bring them",
    )


def is_kept(body: Object) -> bool:
    """Does a GitOps tool keep it like its file? Helm's own mark is no such thing: it writes when people say so."""
    noted = {**labels(body), **annotations(body)}
    argo = _ARGO_LABEL in labels(body) and _HELM not in annotations(body)
    return argo or any(mark in key for key in noted for mark in _GITOPS)


def _asked(wanted: Wanted, scalers: VersionScalers) -> Iterable[tuple[Found, int | None]]:
    """Each with the least that is asked of it: 0 for what it says itself, None to leave it as it is."""
    primary = None if wanted.primary_min is None else wanted.primary_floor or 0
    roles = ((scalers.primary, primary), (scalers.target, wanted.canary_min), (scalers.before, wanted.previous_min))
    for found in scalers.all:
        given = [least for members, least in roles if any(body is found[1] for _, body in members)]
        most = max((each for each in given if each), default=0)
        yield found, most or (None if None in given else 0)
