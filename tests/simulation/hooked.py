"""A Canary with a webhook of every type, and the stories that begin with it."""

from typing import Any

from delivery.cluster.objects import SECRETS, Ref
from tests.simulation import bookinfo, wired
from tests.simulation.simulation import Simulation

TYPES = (
    "confirm-rollout", "pre-rollout", "rollout", "confirm-traffic-increase", "confirm-promotion", "post-rollout",
    "rollback",
)  # fmt: skip


SECRET = Ref(SECRETS, bookinfo.NAMESPACE, "hooks")


def secret() -> dict[str, Any]:
    """What calls are signed with."""
    return wired.secret(SECRET.name, {"token": "t0ken", "hmacKey": "k3y"})


def hook(kind: str, **more: Any) -> dict[str, Any]:
    """A hook of this type, at a path of its own."""
    return {"name": kind, "type": kind, "url": f"http://hooks.shop:8080/{kind}", "timeout": "2s", **more}


def set_up(sim: Simulation, *types: str, **analysis: Any) -> None:
    """An initialised Canary with hooks of these types, all of them if none is named; nobody asks for a rollback."""
    sim.caller.says.setdefault("/rollback", 403)
    sim.apply(SECRETS, secret())
    hooks = [hook(kind, secretRef={"name": "hooks"}) for kind in types or TYPES]
    sim.set_up(webhooks=hooks, **analysis)


def initialise(sim: Simulation, *types: str, **analysis: Any) -> str:
    """The same with a controller that has initialised it; its name."""
    set_up(sim, *types, **analysis)
    name = sim.start_controller()
    sim.until_phase("Initialized")
    return name
