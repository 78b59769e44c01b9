"""Versions with autoscalers of their own: a run borrows their least numbers and gives them back; nothing is copied."""

import pytest

from delivery.cluster.objects import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS, Ref
from delivery.workloads.ownership import labels
from tests.simulation.autoscaling import PER_POD, autoscaler, bounds, noted, pods, scaled_object
from tests.simulation.invariants import CANARY
from tests.simulation.own_routes import NAMESPACE
from tests.simulation.scenes import recovers, served
from tests.simulation.switched_subsets import SwitchedSubsets
from tests.simulation.switching import Switching


class Load:
    """So many requests per second, given to versions as the routes say."""

    def __init__(self, rate):
        self.rate, self.sim = rate, None

    def __call__(self, pod):
        if self.sim is None:
            return 0.0
        serving, tried = self.sim.leads("primary") or "v1", self.sim.leads("canary")
        weight = self.sim.weight or 0
        version = labels(pod).get("version")
        share = 100 - weight if version == serving else weight if version == tried else 0
        role = "primary" if version == serving else "canary"
        return self.rate * share / 100 / max(1, self.sim.promises.ready(role))


@pytest.fixture(params=[Switching, SwitchedSubsets], ids=["services", "subsets"])
def sim(request):
    users = Load(4 * PER_POD)
    with request.param(61, load=users) as world:
        users.sim = world
        yield world


def of(version, make=autoscaler, **options):
    name = f"reviews-{version}"
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return make(name, scaleTargetRef=ref, **options)


def hpa(version):
    return Ref(HORIZONTAL_POD_AUTOSCALERS, NAMESPACE, f"reviews-{version}")


def deployment(version):
    return Ref(DEPLOYMENTS, NAMESPACE, f"reviews-{version}")


def busy(sim, *, promotion=None, **options):
    """v1 serves with the four pods that its users need, v2 has its one."""
    sim.apply(HORIZONTAL_POD_AUTOSCALERS, of("v1", least=1))
    sim.apply(HORIZONTAL_POD_AUTOSCALERS, of("v2", least=1, **options))
    sim.set_up(replicas=4, promotion=promotion or {})
    sim.start_controller()
    sim.until_phase("Initialized")
    sim.until(lambda: pods(sim, deployment("v1")) == 4 == sim.promises.ready("primary"), seconds=120, what="four pods")
    sim._replicas = 1


def at(sim, weight):
    sim.until(lambda: sim.weight == weight, seconds=300, what=f"weight {weight}")


def test_both_versions_have_the_pods_that_the_run_needs_and_all_is_given_back(sim):
    busy(sim, promotion={"keepPreviousSeconds": 0})
    sim.release("v2")
    at(sim, 50)
    sim.loop.advance(9)
    assert bounds(sim, hpa("v1")) == (4, 10), "all of its users can come back at any moment"
    assert pods(sim, deployment("v1")) == 4
    assert bounds(sim, hpa("v2"))[0] >= 2
    recovers(sim)
    sim.loop.advance(10)
    assert [bounds(sim, hpa(each)) for each in ("v1", "v2")] == [(1, 10), (1, 10)]
    assert [noted(sim, hpa(each)) for each in ("v1", "v2")] == [{}, {}]


def test_a_rollback_meets_as_many_pods_as_the_run_began_with(sim):
    busy(sim)
    sim.release("v2", quality="bad")
    at(sim, 10)
    sim.until(lambda: sim.weight == 0, seconds=120, what="all users back")
    assert pods(sim, deployment("v1")) == 4
    recovers(sim, "Failed")
    sim.loop.advance(10)
    assert [noted(sim, hpa(each)) for each in ("v1", "v2")] == [{}, {}]


def test_the_previous_version_can_take_everybody_as_long_as_the_way_back_is_open(sim):
    busy(sim, promotion={"keepPreviousSeconds": 300})
    sim.release("v2")
    recovers(sim)
    sim.loop.advance(60)
    assert (pods(sim, deployment("v1")), bounds(sim, hpa("v1"))) == (4, (4, 10))
    sim.release("v1")
    sim.until(lambda: sim.leads("primary") == "v1", seconds=5, what="users back on v1")
    recovers(sim)
    sim.loop.advance(320)
    assert [noted(sim, hpa(each)) for each in ("v1", "v2")] == [{}, {}]
    assert bounds(sim, hpa("v2")) == (1, 10)
    assert sim.status.previous_until is None


def test_what_a_gitops_tool_keeps_is_left_alone_and_named(sim):
    tracked = {"argocd.argoproj.io/tracking-id": "books:autoscaling/HorizontalPodAutoscaler:shop/reviews-v2"}
    busy(sim)
    sim.merge(hpa("v2"), {"metadata": {"annotations": tracked}})
    sim.release("v2")
    recovers(sim, "Failed")
    assert bounds(sim, hpa("v2")) == (1, 10)
    assert "HorizontalPodAutoscaler reviews-v2 is kept by a GitOps tool" in sim.status.message
    sim.merge(hpa("v2"), {"spec": {"minReplicas": 4}})
    sim.release("v2", behaviour="healthy")
    recovers(sim)
    assert bounds(sim, hpa("v2")) == (4, 10)


def test_replicas_are_never_written(sim):
    writes = []

    def note(event):
        before = (event.previous or {}).get("spec", {}).get("replicas")
        ours = sim.promises.writer.startswith("delivery")
        if ours and event.ref.kind == DEPLOYMENTS and before != event.object["spec"].get("replicas"):
            writes.append(event.ref)

    sim.store.observers.append(note)
    busy(sim)
    sim.release("v2")
    recovers(sim)
    assert writes == []


def test_floors_end_with_the_canary(sim):
    busy(sim)
    sim.release("v2")
    at(sim, 50)
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=60, what="the Canary gone")
    sim.loop.advance(20)
    served(sim)
    assert [noted(sim, hpa(each)) for each in ("v1", "v2")] == [{}, {}]


def test_the_previous_versions_floor_ends_with_the_canary_too(sim):
    """The way back is open no longer: without us nobody would ever lower it again."""
    busy(sim, promotion={"keepPreviousSeconds": 300})
    sim.release("v2")
    recovers(sim)
    assert bounds(sim, hpa("v1")) == (4, 10)
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=60, what="the Canary gone")
    sim.loop.advance(20)
    served(sim)
    assert bounds(sim, hpa("v1")) == (1, 10)
    assert [noted(sim, hpa(each)) for each in ("v1", "v2")] == [{}, {}]


@pytest.mark.parametrize("moment", [0.3, 4.0, 7.0, 20.0, 34.0, 40.0])
def test_a_controller_killed_on_the_way_gives_everything_back(sim, moment):
    busy(sim, promotion={"keepPreviousSeconds": 20})
    sim.release("v2")
    sim.loop.advance(moment)
    sim.kill(sim.alive[0])
    recovers(sim)
    sim.loop.advance(60)
    assert [noted(sim, hpa(each)) for each in ("v1", "v2")] == [{}, {}]


def test_a_scaled_object_of_a_version_is_no_obstacle_and_a_pause_is_its_peoples(sim):
    sim.apply(SCALED_OBJECTS, of("v1", scaled_object, least=1))
    paused = {"autoscaling.keda.sh/paused-replicas": "0"}
    body = of("v2", scaled_object, least=1)
    body["metadata"]["annotations"] = paused
    sim.set_up(replicas=2)
    sim.start_controller()
    sim.until_phase("Initialized")
    sim.apply(SCALED_OBJECTS, body)
    sim.release("v2")
    sim.loop.advance(30)
    ref = Ref(SCALED_OBJECTS, NAMESPACE, "reviews-v2")
    assert (noted(sim, ref), pods(sim, deployment("v2"))) == (paused, 0)
    sim.merge(ref, {"metadata": {"annotations": {"autoscaling.keda.sh/paused-replicas": None}}})
    sim.merge(deployment("v2"), {"spec": {"replicas": 1}})
    recovers(sim)
    sim.loop.advance(10)
    assert pods(sim, deployment("v1")) > 0


def story(*, number=0, after=False):
    """How many writes to autoscalers a release and the hour after it have; with a kill at one of them."""
    users, count = Load(4 * PER_POD), 0
    with SwitchedSubsets(61, load=users) as sim:
        users.sim = sim
        busy(sim, promotion={"keepPreviousSeconds": 30})

        def meet(request, late):
            nonlocal count
            if request.kind == HORIZONTAL_POD_AUTOSCALERS and request.verb == "patch":
                count += late == after
                if count == number and late == after:
                    sim.kill(request.instance)
                    return late
            return None

        sim.before, sim.after = (lambda request: meet(request, False)), (lambda request: meet(request, True))
        for api in sim.apis.values():
            api.before, api.after = sim.before, sim.after
        sim.release("v2")
        recovers(sim)
        sim.loop.advance(60)
        found = [(noted(sim, hpa(each)), bounds(sim, hpa(each))) for each in ("v1", "v2")]
        return count, found, sim.shares_now()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_write_to_an_autoscaler_leaves_no_floor(after):
    count, *undisturbed = story(after=after)
    assert count > 3
    assert undisturbed == [[({}, (1, 10)), ({}, (1, 10))], {"v2": 100}]
    for number in range(1, count + 1):
        assert list(story(number=number, after=after)[1:]) == undisturbed, f"killed at write {number}"
