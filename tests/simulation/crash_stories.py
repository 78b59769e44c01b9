"""The stories that are told again for each of their calls: where each begins, and what its end is.

A new kind of story is a scene to set, a thing to do and a phase to end in; it goes into the group whose test tells it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from delivery.cluster.objects import DAEMON_SETS, DEPLOYMENTS, SERVICES, Kind, Ref
from strategies.commands import Verb
from tests.simulation import asking, hooked, own_routes, templated, wired
from tests.simulation.adopting import Adopting, WithRoute
from tests.simulation.commanded import answered, give, undo
from tests.simulation.heeded import Heeded
from tests.simulation.invariants import APEX, CANARY, ROUTE
from tests.simulation.own_routes import OwnRoutes
from tests.simulation.shipped import Shipped
from tests.simulation.simulation import Simulation
from tests.simulation.switched_subsets import SwitchedSubsets
from tests.simulation.switching import Switching

PATIENCE = 900.0
REVERTED = frozenset({"Reverted"})
TAIL = 5.0
"""Seconds after the end of a story in which the last requests of a resting phase are sent."""


@dataclass(frozen=True, slots=True)
class Story:
    """`prepare` sets the scene in a `world`, `begin` starts what is disturbed, `phase` is where it ends.

    Without a phase it ends with the Canary. `last_words` may be lost with the process or with their call, because
    whom they are about is gone.
    """

    prepare: Callable[[Simulation], None]
    begin: Callable[[Simulation], None]
    phase: str
    kind: Kind = DEPLOYMENTS
    world: type[Simulation] = Simulation
    last_words: frozenset[str] = frozenset()
    route: Ref = ROUTE

    def open(self) -> Simulation:
        """The world in which it is told."""
        return self.world(None, kind=self.kind, route=self.route)

    def end(self, sim: Simulation) -> None:
        """Run until it is at its end."""
        if self.phase:
            sim.until_phase(self.phase, seconds=PATIENCE)
            return
        sim.until(lambda: sim.store.peek(CANARY) is None, seconds=PATIENCE, what="the Canary gone")
        sim.loop.advance(TAIL)


def _apply(sim: Simulation) -> None:
    sim.set_up()


def _initialise(sim: Simulation) -> None:
    sim.set_up()
    sim.start_controller()
    sim.until_phase("Initialized")


def _wire(sim: Simulation) -> None:
    wired.wire(sim)
    sim.set_up()


def _wire_and_initialise(sim: Simulation) -> None:
    wired.wire(sim)
    _initialise(sim)


def _apply_without_mesh(sim: Simulation) -> None:
    """Of few calls: one check, a short drain."""
    sim.set_up(iterations=1, spec={"traffic": {"settleSeconds": 2, "drainSeconds": 4, "drainMaxSeconds": 4}})


def _initialise_without_mesh(sim: Simulation) -> None:
    _apply_without_mesh(sim)
    sim.start_controller()
    sim.until_phase("Initialized")


def _turns_bad_at_the_end(sim: Simulation) -> None:
    """Good beside the users, and bad as soon as it has them."""
    sim.analyst.bad_with_users = True
    sim.release("v2")


STORIES = {
    "initialised": Story(_apply, lambda sim: sim.start_controller() and None, "Initialized"),
    "promoted": Story(_initialise, lambda sim: sim.release("v2"), "Succeeded"),
    "rolled-back": Story(_initialise, lambda sim: sim.release("v2", quality="bad"), "Failed"),
}
OTHER_TARGETS = {
    "daemonset": Story(_initialise, lambda sim: sim.release("v2"), "Succeeded", DAEMON_SETS),
    "service": Story(_initialise, lambda sim: sim.release("v2"), "Succeeded", SERVICES),
}
WITH_CONFIGS = {
    "wired": Story(_wire, lambda sim: sim.start_controller() and None, "Initialized", world=wired.Wired),
    "reconfigured": Story(_wire_and_initialise, lambda sim: wired.edit(sim, "red"), "Succeeded", world=wired.Wired),
}


WITH_HOOKS = {
    "hooked": Story(lambda sim: hooked.initialise(sim) and None, lambda sim: sim.release("v2"), "Succeeded"),
    "hooked-bad": Story(
        lambda sim: hooked.initialise(sim) and None, lambda sim: sim.release("v2", quality="bad"), "Failed"
    ),
}
WITH_TEMPLATES = {"templated": Story(templated.initialise, lambda sim: sim.release("v2"), "Succeeded")}


def _revertible(sim: Simulation) -> None:
    sim.set_up(spec={"revertOnDeletion": True})
    sim.start_controller()
    sim.until_phase("Initialized")


def _at_ten_percent(sim: Simulation) -> None:
    _initialise(sim)
    sim.release("v2")
    sim.until(lambda: sim.weight == 10, seconds=120, what="a run at 10 %")


def _delete(sim: Simulation) -> None:
    sim.promises.tampered()
    sim.store.delete(CANARY)


DELETIONS = {
    "reverted": Story(_revertible, _delete, "", last_words=REVERTED),
    "deleted-mid-run": Story(_at_ten_percent, _delete, ""),
}
WITHOUT_MESH = {
    "led-by-service": Story(
        _apply_without_mesh, lambda sim: sim.start_controller() and None, "Initialized", route=APEX
    ),
    "switched": Story(_initialise_without_mesh, lambda sim: sim.release("v2"), "Succeeded", route=APEX),
    "switched-back": Story(_initialise_without_mesh, _turns_bad_at_the_end, "Failed", route=APEX),
}
OWN_ROUTES = {
    "subsets": Story(_apply, lambda sim: sim.start_controller() and None, "Initialized", world=own_routes.OwnSubsets),
    "own-routes": Story(own_routes.initialise_two, lambda sim: sim.release("v2"), "Succeeded", world=OwnRoutes),
    "own-routes-bad": Story(
        own_routes.initialise_two, lambda sim: sim.release("v2", quality="bad"), "Failed", world=OwnRoutes
    ),
}
SHIPPED = {
    "shipped": Story(_apply, lambda sim: sim.start_controller() and None, "Initialized", world=Shipped),
    "shipped-promoted": Story(_initialise, lambda sim: sim.release("v4"), "Succeeded", world=Shipped),
}


def _promoted(sim: Simulation) -> None:
    _initialise(sim)
    sim.release("v2")
    sim.until_phase("Succeeded")


def _promoted_and_revertible(sim: Simulation) -> None:
    _revertible(sim)
    sim.release("v2")
    sim.until_phase("Succeeded")


def _versions(world: type[Simulation], name: str) -> dict[str, Story]:
    """Promotions that move users between versions, the way back, and a farewell."""
    reverted = Story(_promoted_and_revertible, _delete, "", world=world, last_words=REVERTED)
    return {
        f"{name}-new": Story(_apply, lambda sim: sim.start_controller() and None, "Initialized", world=world),
        f"{name}-promoted": Story(_initialise, lambda sim: sim.release("v2"), "Succeeded", world=world),
        f"{name}-bad": Story(_initialise, lambda sim: sim.release("v2", quality="bad"), "Failed", world=world),
        f"{name}-back": Story(_promoted, lambda sim: sim.release("v1"), "Succeeded", world=world),
        f"{name}-reverted": reverted,
    }


VERSIONS = {**_versions(Switching, "versions"), **_versions(SwitchedSubsets, "version-subsets")}


def _begin(sim: Simulation) -> None:
    sim.start_controller()


ADOPTIONS = {
    "adopted-route": Story(_apply, _begin, "Initialized", world=WithRoute),
    "adopted-primary": Story(_apply, _begin, "Initialized", world=Adopting),
    "adopted-promoted": Story(_initialise, lambda sim: sim.release("v2"), "Succeeded", world=WithRoute),
    "adopted-reverted": Story(_promoted_and_revertible, _delete, "", world=Adopting, last_words=REVERTED),
}
WITH_PEOPLE = {
    "approved": Story(asking.at_gate, asking.say, "Succeeded", world=Heeded),
    "denied": Story(asking.at_gate, lambda sim: asking.say(sim, decision="deny"), "Failed"),
    "let-in": Story(lambda sim: asking.at_gate(sim, before="rollout"), asking.say, "Succeeded"),
}


def _at_last_step(sim: Simulation) -> None:
    """The shortest way to an end that is left."""
    sim.set_up(stepWeights=[50])
    sim.start_controller()
    sim.until_phase("Initialized")
    sim.release("v2")
    sim.until(lambda: sim.weight == 50, seconds=120, what="a run at 50 %")


def _failed(sim: Simulation) -> None:
    """Good figures, and a person who did not like it."""
    _at_ten_percent(sim)
    answered(sim, give(sim, Verb.ABORT, "stop"))
    sim.until_phase("Failed")
    sim.loop.advance(120.0)


def _paused(sim: Simulation) -> None:
    _at_ten_percent(sim)
    answered(sim, give(sim, Verb.PAUSE, "hold"))


def _told(verb: Verb, **given: bool) -> Callable[[Simulation], None]:
    return lambda sim: give(sim, verb, "c-1", **given) and None


def _pause_and_resume(sim: Simulation) -> None:
    answered(sim, give(sim, Verb.PAUSE, "c-1"), seconds=PATIENCE)
    give(sim, Verb.RESUME, "c-2")


def _set_back(sim: Simulation) -> None:
    assert undo(sim), "there is a way back"


def _commanded(
    prepare: Callable[[Simulation], None], begin: Callable[[Simulation], None], phase: str = "Succeeded"
) -> Story:
    return Story(prepare, begin, phase, world=Heeded)


def _at_second_gate(sim: Simulation) -> None:
    """Somebody has let the first step begin."""
    asking.at_gate(sim, before="traffic-increase")
    asking.say(sim, "first", step=1)
    sim.until(lambda: sim.weight == 10, seconds=60, what="10 %")
    sim.until(lambda: asking.waits(sim), seconds=300, what="the next gate")


def _hurry_to_the_gate_and_approve(sim: Simulation) -> None:
    answered(sim, give(sim, Verb.PROMOTE, "c-1", full=True), seconds=PATIENCE)
    sim.until(lambda: asking.waits(sim) and sim.status.waiting.before == "promotion", seconds=PATIENCE, what="a gate")
    asking.say(sim, "second")


COMMANDS = {
    "aborted": _commanded(_at_ten_percent, _told(Verb.ABORT), "Failed"),
    "restarted": _commanded(_at_ten_percent, _told(Verb.RESTART)),
    "skipped": _commanded(_at_ten_percent, _told(Verb.PROMOTE)),
    "promoted-by-hand": _commanded(_at_ten_percent, _told(Verb.PROMOTE, full=True)),
    "retried": _commanded(_failed, _told(Verb.RETRY)),
    "resumed": _commanded(_paused, _told(Verb.RESUME)),
    "paused-and-resumed": _commanded(_at_last_step, _pause_and_resume),
    "hurried-and-approved": _commanded(_at_second_gate, _hurry_to_the_gate_and_approve),
    "undone": _commanded(_at_ten_percent, _set_back),
}
ALL = {
    **STORIES, **OTHER_TARGETS, **WITH_CONFIGS, **DELETIONS, **WITHOUT_MESH, **OWN_ROUTES, **SHIPPED, **VERSIONS,
    **ADOPTIONS, **WITH_TEMPLATES, **WITH_PEOPLE, **COMMANDS, **WITH_HOOKS,
}  # fmt: skip
