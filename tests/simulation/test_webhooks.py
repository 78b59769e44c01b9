"""Webhooks in the whole loop, under late proxies: what they hear, what they decide, and what their loss does not."""

import pytest

from strategies.status import Result
from tests.simulation import hooked
from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_worlds import FAULTS, KILLS
from tests.simulation.scenes import events, is_silent, recovers, says, served
from tests.simulation.simulation import TARGET, Simulation


@pytest.fixture
def sim():
    with Simulation(11) as world:
        yield world


def test_every_hook_is_heard_in_its_time_and_with_flaggers_payload(sim):
    hooked.initialise(sim)
    sim.release("v2")
    recovers(sim)
    sim.loop.advance(30)
    heard = sim.caller.heard

    first = list(dict.fromkeys(each.path.strip("/") for each in heard if each.path != "/rollback"))
    assert first == [
        "confirm-rollout", "pre-rollout", "confirm-traffic-increase", "rollout", "confirm-promotion", "post-rollout",
    ]  # fmt: skip
    phases = {path: {each.payload["phase"] for each in sim.caller.at(f"/{path}")} for path in first}
    assert phases["confirm-rollout"] == {"Waiting"}
    assert phases["rollout"] == {"Progressing"}
    assert phases["post-rollout"] == {"Succeeded"}
    for each in heard:
        assert set(each.payload) == {
            "name", "namespace", "phase", "checksum", "buildId", "type", "failedChecks", "canaryWeight", "iterations",
            "remainingTime", "metadata",
        }  # fmt: skip
        assert (each.payload["name"], each.payload["namespace"]) == ("reviews", "shop")
        assert each.payload["checksum"] == sim.status.last_promoted_spec
        assert each.payload["type"] == each.path.strip("/")
        assert each.headers["Authorization"] == "Bearer t0ken"
        assert each.headers["X-Delivery-Signature"].startswith("sha256=")
    assert [each.payload["canaryWeight"] for each in sim.caller.at("/confirm-traffic-increase")] == [0, 10]
    assert {each.payload["buildId"] for each in heard} - {""} == {sim.status.history[-1].id}


def test_a_release_waits_for_its_confirmation_without_a_pod_and_without_a_write(sim):
    sim.caller.says["/confirm-rollout"] = 403
    hooked.initialise(sim)
    sim.release("v2")
    says(sim, "GateClosed", "GateClosed", "webhook/confirm-rollout", "403")
    assert sim.store.peek(TARGET)["spec"]["replicas"] == 0
    version = sim.store.resource_version
    sim.loop.advance(600)
    moved = {each.kind.kind for each in sim.requests()[-40:] if each.verb not in ("get", "list", "watch")}
    assert moved <= {"Lease"}, version
    assert len(events(sim, "GateClosed")) == 1
    sim.caller.says["/confirm-rollout"] = 204
    recovers(sim)
    assert is_silent(sim, "GateClosed", "GateClosed")


@pytest.mark.parametrize("path", ["/confirm-rollout", "/pre-rollout", "/rollout", "/confirm-promotion", "/rollback"])
def test_the_loss_of_a_service_neither_promotes_nor_rolls_back(sim, path):
    sim.caller.says[path] = None
    hooked.initialise(sim)
    sim.release("v2")
    sim.loop.advance(600)
    assert not sim.status.history or path == "/rollback", sim.told()
    assert sim.status.failed_checks == 0
    sim.caller.says[path] = 403 if path == "/rollback" else 200
    recovers(sim)
    told = events(sim, "HooksUnavailable") + events(sim, "GateClosed")
    assert len(told) == 1
    assert "cannot be reached" in told[0]


def test_a_bad_version_is_rolled_back_while_hooks_hang(sim):
    sim.caller.slow = 1e6
    hooked.initialise(sim, "rollout", "rollback", "post-rollout")
    sim.release("v2", quality="bad")
    sim.until_phase("Failed", seconds=120)
    assert sim.status.reason == "CheckFailed"
    served(sim)


@pytest.mark.parametrize("gate", ["confirm-rollout", "confirm-traffic-increase", "confirm-promotion"])
def test_a_rollback_gate_works_while_another_gate_is_closed(sim, gate):
    sim.caller.says[f"/{gate}"] = 403
    hooked.initialise(sim, gate, "rollback")
    sim.release("v2")
    says(sim, "GateClosed", "GateClosed", f"webhook/{gate}")
    sim.loop.advance(60)
    sim.caller.says["/rollback"] = 200
    sim.until(lambda: sim.status.phase.value == "Failed", seconds=15, what="the rollback")
    recovers(sim, "Failed")
    assert sim.status.reason == "RollbackHook"
    assert sim.weight == 0


def test_failing_tests_fail_the_release_before_anybody_meets_it(sim):
    sim.caller.says["/pre-rollout"] = 500
    hooked.initialise(sim, "pre-rollout", "post-rollout")
    sim.release("v2")
    recovers(sim, "Failed")
    assert sim.status.history[-1].result is Result.ROLLED_BACK
    assert sim.status.history[-1].weight == 0
    sim.loop.advance(5)
    assert [each.payload["phase"] for each in sim.caller.at("/post-rollout")] == ["Failed"]
    assert len(sim.caller.keys("/pre-rollout")) == 2


def test_a_hook_that_is_away_behind_a_mesh_is_away(sim):
    """A sidecar answers for a service without pods, with HTTP 503; in Flagger that fails the release."""
    sim.caller.says["/rollout"] = 503
    hooked.initialise(sim, "rollout")
    sim.release("v2")
    says(sim, "AnalysisHealthy", "HooksUnavailable", "webhook/rollout", "503")
    sim.loop.advance(300)
    assert sim.status.failed_checks == 0
    sim.caller.says["/rollout"] = 200
    recovers(sim)


def test_a_missing_secret_holds_and_says_so(sim):
    hooked.initialise(sim, "rollout")
    sim.store.delete(hooked.SECRET)
    sim.release("v2")
    says(sim, "AnalysisHealthy", "HooksUnavailable", "Secret shop/hooks", "does not exist; create it")
    sim.apply(hooked.SECRET.kind, hooked.secret())
    recovers(sim)


@pytest.mark.parametrize("seed", range(6))
def test_what_has_passed_is_not_done_again_after_a_crash(seed):
    """A load test or a migration must not run twice; where the answer was lost, it has the same key."""
    with Simulation(seed) as sim:
        hooked.initialise(sim)
        sim.release("v2")
        for _ in range(12):
            sim.loop.advance(sim.rng.uniform(0.2, 9.0))
            for name in sim.alive:
                sim.kill(name)
        recovers(sim)
        sim.loop.advance(60)
        assert len(sim.caller.keys("/pre-rollout")) == 1
        assert len(sim.caller.keys("/post-rollout")) == 1
        assert sim.status.farewell is None
        served(sim)


@pytest.mark.parametrize(
    ("name", "fates", "every"), [("hooked", KILLS, 3), ("hooked", FAULTS, 9), ("hooked-bad", KILLS, 6)]
)
def test_no_call_is_one_too_many(name, fates, every, record_simulation):
    expected = undisturbed(name)
    chosen = points(name, expected, fates)[::every]
    failures = survive(name, chosen, expected)
    record_simulation(f"{len(chosen) - len(failures)} of {len(chosen)} calls survived ({name})")
    assert not failures, f"{len(failures)} ended otherwise; the first:\n{failures[0]}"
