"""People, GitOps tools and other controllers at the autoscalers in the middle of a run."""

import pytest

from delivery.cluster.objects import HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS, Ref
from tests.simulation import bookinfo
from tests.simulation.autoscaling import (
    CLONE,
    SOURCE,
    Writes,
    at,
    autoscaler,
    bounds,
    crowded,
    named,
    noted,
    pods,
    scaled_object,
    with_four_pods,
)
from tests.simulation.invariants import CANARY, PRIMARY, TARGET
from tests.simulation.scenes import says, served

OTHER = Ref(HORIZONTAL_POD_AUTOSCALERS, bookinfo.NAMESPACE, "reviews-2")
OTHER_CLONE = Ref(HORIZONTAL_POD_AUTOSCALERS, bookinfo.NAMESPACE, "reviews-2-primary")


@pytest.fixture
def sim():
    with crowded() as world:
        yield world


def busy(sim, **options):
    """A Canary at rest whose primary has the four pods that its users need."""
    return with_four_pods(sim, autoscaler(**{"least": 1, **options}))


def raised(sim):
    sim.until(lambda: bounds(sim, SOURCE)[0] == 2, seconds=60, what="the target's autoscaler is raised")


def test_a_number_that_gitops_sets_back_is_not_fought_over_and_the_weight_waits(sim):
    busy(sim)
    sim.edit(progressDeadlineSeconds=600)
    sim.release("v2")
    at(sim, 10)
    raised(sim)
    sim.merge(SOURCE, {"spec": {"minReplicas": 1}}, manager="argocd-controller")
    sim.until(lambda: "argocd-controller set minReplicas" in sim.status.message, seconds=120, what="named")
    sim.loop.advance(60)
    assert bounds(sim, SOURCE)[0] == 1, "asked for once a step, no more"
    assert sim.weight == 10
    sim.merge(SOURCE, {"spec": {"minReplicas": 3}}, manager="argocd-controller")
    sim.until_phase("Succeeded")
    assert (bounds(sim, SOURCE), noted(sim, SOURCE)) == ((3, 10), {}), "what they said last stays"
    served(sim)


def test_what_keeps_the_canary_from_its_pods_is_named(sim):
    busy(sim)
    sim.edit(autoscalerRef={"primaryScalerReplicas": {"maxReplicas": 10}}, progressDeadlineSeconds=600)
    sim.loop.advance(5)
    sim.merge(SOURCE, {"spec": {"maxReplicas": 1}})
    sim.release("v2")
    sim.until(lambda: "allows at most 1" in sim.status.message, seconds=120, what="named")
    assert sim.status.reason == "CanaryLacksCapacity"
    assert "raise its maxReplicas" in sim.status.message
    assert sim.weight == 10
    sim.merge(SOURCE, {"spec": {"maxReplicas": 10}})
    sim.until_phase("Succeeded")
    assert bounds(sim, SOURCE) == (1, 10)
    served(sim)


def test_a_reference_that_is_taken_out_in_the_middle_gives_everything_back(sim):
    busy(sim)
    writes = Writes(sim)
    sim.release("v2")
    at(sim, 10)
    raised(sim)
    sim.edit(autoscalerRef=None)
    sim.until(lambda: noted(sim, SOURCE) == {}, seconds=30, what="given back")
    assert bounds(sim, SOURCE) == (1, 10)
    assert bounds(sim, CLONE)[0] == 4, "the primary's floor holds to the end of the run"
    sim.store.delete(SOURCE)
    sim.until_phase("Succeeded")
    assert sim.store.peek(CLONE) is None, "a copy that nobody names goes"
    assert pods(sim, PRIMARY) == 4, "and the pods stay"
    assert writes.ours == [("reviews", 0, 1), ("reviews", 2, 4), ("reviews", 4, 0)], "no fight over replicas"
    served(sim)


def test_another_autoscaler_takes_over_without_two_on_the_primary(sim):
    busy(sim)
    both = []
    sim.store.observers.append(
        lambda _: both.append(None) if sim.store.peek(CLONE) and sim.store.peek(OTHER_CLONE) else None
    )
    sim.release("v2")
    at(sim, 10)
    raised(sim)
    sim.store.delete(SOURCE)
    sim.apply(HORIZONTAL_POD_AUTOSCALERS, autoscaler("reviews-2", least=1, most=8))
    sim.edit(autoscalerRef={"name": "reviews-2"})
    sim.until_phase("Succeeded")
    sim.until(lambda: sim.store.peek(OTHER_CLONE) is not None, seconds=60, what="the new copy")
    assert sim.store.peek(CLONE) is None
    assert not both
    assert (bounds(sim, OTHER), bounds(sim, OTHER_CLONE), noted(sim, OTHER)) == ((1, 8), (1, 8), {})
    served(sim)


def test_the_copy_follows_its_source_at_rest_and_in_a_run(sim):
    busy(sim)
    sim.merge(SOURCE, {"spec": {"maxReplicas": 12}, "metadata": {"labels": {"cost": "7"}}})
    sim.until(lambda: bounds(sim, CLONE) == (1, 12), seconds=30, what="in step at rest")
    assert sim.store.peek(CLONE)["metadata"]["labels"]["cost"] == "7"
    sim.release("v2")
    at(sim, 10)
    sim.merge(SOURCE, {"spec": {"maxReplicas": 14}, "metadata": {"labels": {"cost": None}}})
    sim.until(lambda: bounds(sim, CLONE) == (4, 14), seconds=30, what="in step in a run, with its floor")
    assert "cost" not in sim.store.peek(CLONE)["metadata"]["labels"]
    sim.until_phase("Succeeded")
    served(sim)


def test_an_edit_of_the_copy_is_repaired_and_what_was_added_stays(sim):
    busy(sim)
    sim.merge(CLONE, {"spec": {"minReplicas": 3}, "metadata": {"annotations": {"note": "hello"}}})
    sim.until(lambda: bounds(sim, CLONE)[0] == 1, seconds=30, what="repaired")
    assert sim.store.peek(CLONE)["metadata"]["annotations"]["note"] == "hello"


@pytest.mark.parametrize(
    ("body", "reference", "reason", "words"),
    [
        (None, named(HORIZONTAL_POD_AUTOSCALERS), "AutoscalerNotFound", ("does not exist", "create it")),
        (
            autoscaler(scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "ratings"}),
            named(HORIZONTAL_POD_AUTOSCALERS),
            "AutoscalerOfAnotherTarget",
            ("ratings", "name another"),
        ),
        (scaled_object(), None, "AutoscalerConflict", ("ScaledObject reviews", "name it")),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_touched(sim, body, reference, reason, words):
    if body is not None:
        sim.apply({"ScaledObject": SCALED_OBJECTS}.get(body["kind"], HORIZONTAL_POD_AUTOSCALERS), body)
    sim.set_up(autoscaler=reference)
    sim.start_controller()
    says(sim, "Ready", reason, *words)
    assert sim.store.peek(PRIMARY) is None
    assert sim.store.peek(CLONE) is None
    assert pods(sim, TARGET) >= 2
    served(sim)


def test_a_second_autoscaler_in_the_middle_holds_the_run_and_nothing_served_changes(sim):
    busy(sim)
    sim.release("v2")
    at(sim, 10)
    sim.apply(HORIZONTAL_POD_AUTOSCALERS, autoscaler("reviews-2"))
    says(sim, "Ready", "AutoscalerConflict", "reviews-2", "delete one", event=False)
    sim.loop.advance(60)
    assert sim.weight == 10
    sim.store.delete(OTHER)
    sim.until_phase("Succeeded")
    served(sim)


def test_an_autoscaler_that_is_deleted_in_the_middle_holds_the_run_until_it_is_back(sim):
    busy(sim)
    sim.release("v2")
    at(sim, 10)
    sim.store.delete(SOURCE)
    says(sim, "Ready", "AutoscalerNotFound", "reviews", event=False)
    sim.loop.advance(60)
    assert sim.weight == 10
    assert bounds(sim, CLONE)[0] == 4
    sim.apply(HORIZONTAL_POD_AUTOSCALERS, autoscaler(least=1))
    sim.until_phase("Succeeded")
    assert bounds(sim, CLONE) == (1, 10)
    served(sim)


def test_an_autoscaler_that_nobody_named_is_not_fought_over_and_is_named_when_pods_are_missing(sim):
    sim.apply(HORIZONTAL_POD_AUTOSCALERS, autoscaler(least=1))
    sim.set_up(replicas=4)
    sim.start_controller()
    sim.until_phase("Initialized")
    writes = Writes(sim)
    sim.release("v2")
    sim.until_phase("Failed", "Succeeded")
    assert [after for _, before, after in writes.ours if before != 0] == [0]
    assert sim.status.phase.value == "Succeeded" or "HorizontalPodAutoscaler reviews" in sim.status.message
    served(sim)


def test_a_primary_without_users_yet_is_not_scaled_down_before_they_come(sim):
    fewest = []
    sim.store.observers.append(lambda _: fewest.append(pods(sim, PRIMARY)) if sim.store.peek(PRIMARY) else None)
    sim.apply(HORIZONTAL_POD_AUTOSCALERS, autoscaler(least=1))
    sim.set_up(replicas=4, autoscaler=named(HORIZONTAL_POD_AUTOSCALERS))
    sim.merge(CANARY, {"spec": {"traffic": {"settleSeconds": 40, "drainSeconds": 40, "drainMaxSeconds": 60}}})
    sim.start_controller()
    sim.until_phase("Initialized")
    assert min(fewest) == 4
    served(sim)


def reverts(sim, ref, patch, *, manager="argocd"):
    """A tool that puts this back whenever it is not so, and how often it has been at it."""
    times = []

    def look(event):
        if event.ref == ref and sim.promises.writer.startswith("delivery"):
            sim.loop.call_later(1.0, put, context=sim.loop.world)

    def put():
        times.append(sim.loop.time())
        sim.merge(ref, patch, manager=manager)

    sim.store.observers.append(look)
    return times


def test_a_tool_that_replaces_the_whole_autoscaler_is_not_fought_for_ever(sim):
    """It takes our note away, too, so that nobody can see who set what."""
    busy(sim)
    sim.edit(progressDeadlineSeconds=3000)
    notes = {"progressive.delivery/floor": None, "progressive.delivery/fence": None}
    times = reverts(sim, SOURCE, {"spec": {"minReplicas": 1}, "metadata": {"annotations": notes}})
    sim.release("v2")
    says(sim, "Contested", "Contested", "argocd", "/spec/minReplicas", "HorizontalPodAutoscaler reviews", event=False)
    sim.loop.advance(120)
    before = len(times)
    sim.loop.advance(600)
    assert len(times) - before <= 12, "a few times in each round, and rounds that last longer and longer"
    assert sim.weight in (0, 10)
    served(sim)


def test_a_tool_that_wakes_a_resting_target_is_not_fought_for_ever(sim):
    busy(sim)
    times = reverts(sim, TARGET, {"spec": {"replicas": 2}})
    sim.merge(TARGET, {"spec": {"replicas": 2}}, manager="argocd")
    says(sim, "Contested", "Contested", "argocd", "/spec/replicas of Deployment reviews", event=False)
    before = len(times)
    sim.loop.advance(600)
    assert len(times) - before <= 12
    served(sim)
