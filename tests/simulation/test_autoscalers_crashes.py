"""A kill before and after each write about pods: what was raised is given back, whoever comes to do it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from delivery.cluster.memory import Request
from delivery.cluster.objects import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS
from tests.simulation.autoscaling import (
    CLONE,
    KEDA_CLONE,
    KEDA_SOURCE,
    PAUSED_AT,
    PER_POD,
    SOURCE,
    Users,
    autoscaler,
    bounds,
    noted,
    pods,
    scaled,
    scaled_object,
)
from tests.simulation.invariants import CANARY, PRIMARY, TARGET
from tests.simulation.scenes import served
from tests.simulation.simulation import Simulation

WATCHED = (DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS)


@dataclass(frozen=True)
class Story:
    """What happens, and what has to be true in the end."""

    body: dict
    begin: Callable[[Simulation], None]
    ends: Callable[[Simulation], None]


def _gone(sim: Simulation) -> None:
    sim.until(lambda: sim.weight == 50, seconds=400, what="half way")
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=200, what="gone")


def _dropped(sim: Simulation) -> None:
    sim.until(lambda: sim.weight == 10, seconds=400, what="a first share")
    sim.edit(autoscalerRef=None)
    sim.store.delete(SOURCE)
    sim.until_phase("Succeeded")


STORIES = {
    "promoted": Story(autoscaler(least=1), lambda sim: sim.release("v2"), lambda sim: sim.until_phase("Succeeded")),
    "rolled-back": Story(
        scaled_object(least=1, idleReplicaCount=0),
        lambda sim: sim.release("v2", quality="bad"),
        lambda sim: sim.until_phase("Failed"),
    ),
    "deleted": Story(autoscaler(least=1), lambda sim: sim.release("v2"), _gone),
    "reference-dropped": Story(autoscaler(least=1), lambda sim: sim.release("v2"), _dropped),
}


def told(name: str, *, number: int = 0, after: bool = False) -> tuple[int, dict]:
    """How many writes about pods a story has, and how it ends; with the controller killed at one of them."""
    story, users, count = STORIES[name], Users(4 * PER_POD), 0
    with Simulation(11, load=users) as sim:
        users.sim = sim
        scaled(sim, story.body, replicas=4)
        sim.until(lambda: sim.promises.ready("primary") == 4, seconds=120, what="four pods")

        def meets(request: Request) -> bool:
            nonlocal count
            if request.verb not in ("create", "patch", "delete") or request.kind not in WATCHED:
                return False
            count += 1
            return count == number

        def struck(request: Request) -> bool:
            if meets(request):
                sim.kill(request.instance)
                return True
            return False

        sim.before, sim.after = (None, struck) if after else (lambda request: struck(request) and None, None)
        for api in sim.apis.values():
            api.before, api.after = sim.before, sim.after
        story.begin(sim)
        story.ends(sim)
        sim.loop.advance(60)
        served(sim)
        end = {
            "bounds": [bounds(sim, ref) for ref in (SOURCE, CLONE, KEDA_SOURCE, KEDA_CLONE)],
            "noted": [noted(sim, ref) for ref in (SOURCE, KEDA_SOURCE)],
            "idle": ((sim.store.peek(KEDA_SOURCE) or {}).get("spec") or {}).get("idleReplicaCount"),
            "rests": pods(sim, TARGET) == 0,
            "template": (sim.store.peek(PRIMARY) or {})["spec"]["template"],
        }
        return count, end


@pytest.mark.parametrize("name", STORIES)
def test_a_kill_at_any_write_about_pods_changes_no_end(name):
    count, expected = told(name)
    assert count >= 3
    for number in range(1, count + 1):
        for after in (False, True):
            _, end = told(name, number=number, after=after)
            assert end == expected, f"{name}: killed {'after' if after else 'before'} write {number} of {count}"


def test_the_ends_are_as_clean_as_the_beginnings():
    _, promoted = told("promoted")
    assert promoted["bounds"][:2] == [(1, 10), (1, 10)]
    assert promoted["noted"][0] == {}
    assert promoted["rests"]
    _, back = told("rolled-back")
    assert back["bounds"][2:] == [(1, 10), (1, 10)]
    assert back["noted"][1] == {PAUSED_AT: "0"}
    assert back["idle"] == 0
    _, gone = told("deleted")
    assert gone["bounds"][:2] == [(1, 10), (1, 10)]
    assert gone["noted"][0] == {}
    _, dropped = told("reference-dropped")
    assert dropped["bounds"][:2] == [(None, None), (None, None)]
