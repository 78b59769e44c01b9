"""A run whose canary still has pods that began with what its configs held before.

A program reads its environment once, and a Deployment does not replace pods when only a ConfigMap changes. So they are
sent away first, after users have left them like at any end, and the run's own pods begin with the new content.
"""

from strategies.rollout.ending import leave
from strategies.rollout.turn import Turn
from strategies.snapshot import Workload
from strategies.status import Stage


def renew(turn: Turn, target: Workload) -> None:
    """Leave the old pods (stages ROUTES and DRAIN), then wait until there is none; then the run goes on as any."""
    if turn.status.stage is not Stage.NONE:
        if not leave(turn):
            return
        turn.set(stage=Stage.NONE, stage_since=None)
    if target.replicas == 0 and target.settled:
        turn.set_run(renewing=False)
        turn.explain("ScalingUp", "the canary's pods are being made ready")
