"""Gates that people open: approved, denied, forgotten, said too late, said to another run."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from strategies.gates import GateKind, Word
from strategies.permits import Approval
from strategies.rollout.answering import waiting_for
from strategies.spec import GateSpec, Policy
from strategies.status import Phase, Result
from tests.strategies.world import V2, V3, World, a_spec, failing, initialised, steps

SIGN_OFF = GateSpec(name="sign-off", before=GateKind.PROMOTION)
_numbers = count(1)


def gated(*gates: GateSpec, **changes: object) -> World:
    """A Canary with these gates, and a new version that has come as far as it can."""
    world = initialised(**{"gates": gates, "analysis": steps(10, 50), **changes})
    world.release(V2)
    world.until(lambda each: each.status.waiting is not None and bool(each.status.waiting.gates))
    return world


def say(world: World, gate: str = "sign-off", *, approves: bool = True, **changes: object) -> Approval:
    """Somebody says something of what waits now."""
    run, revision = waiting_for(world.status)
    known: dict[str, object] = {
        "name": f"word-{next(_numbers)}", "run": run, "revision": revision, "gate": gate, "approves": approves,
        "by": "jane", "reason": "it looks fine", "at": world.now,
    }  # fmt: skip
    said = Approval(**{**known, **changes})  # type: ignore[arg-type]
    world.said.append(said)
    return said


def test_a_run_waits_for_sign_off_and_is_promoted_after_it() -> None:
    world = gated(SIGN_OFF)
    world.rest(86400)
    assert (world.status.phase, world.status.reason) == (Phase.WAITING_PROMOTION, "GateClosed")
    assert world.condition("GateClosed") == ("True", "GateClosed")
    assert "kubectl delivery approve reviews -n shop --gate sign-off" in world.status.message
    assert world.told.count("GateClosed") == 1

    said = say(world)
    world.until_phase(Phase.SUCCEEDED)
    assert world.answered[said.name].accepted
    assert world.told.count("GateOpened") == 1
    (record,) = world.status.history[-1].gates
    assert (record.gate, record.word, record.by, record.reason) == (
        "sign-off", Word.APPROVED, "jane", "it looks fine",
    )  # fmt: skip
    assert (world.status.gates, world.condition("GateClosed")) == ((), ("", ""))


def test_what_is_refused_is_rolled_back_at_once_by_name_and_reason() -> None:
    world = gated(SIGN_OFF)
    said = say(world, approves=False, reason="the copy is wrong")
    world.until_phase(Phase.FAILED)
    assert (world.status.reason, world.status.canary_weight) == ("GateDenied", 0)
    assert world.status.message == "sign-off was denied by jane: the copy is wrong"
    assert world.answered[said.name].accepted
    assert world.status.history[-1].gates[0].word is Word.DENIED


def test_a_refusal_ends_a_run_that_has_not_come_to_the_gate_yet() -> None:
    world = initialised(gates=(SIGN_OFF,), analysis=steps(10, 50)).release(V2)
    world.until(lambda each: each.status.canary_weight == 10)
    say(world, approves=False)
    world.until_phase(Phase.FAILED)
    assert world.status.reason == "GateDenied"


def test_who_approves_ahead_of_time_is_heard_when_the_gate_is_reached() -> None:
    world = initialised(gates=(SIGN_OFF,), analysis=steps(10, 50)).release(V2)
    world.until(lambda each: each.status.canary_weight == 10)
    said = say(world)
    world.settle()
    assert said.name not in world.answered
    world.until_phase(Phase.SUCCEEDED)
    assert world.answered[said.name].accepted
    assert "GateClosed" not in world.told


def test_no_word_opens_another_run() -> None:
    world = gated(SIGN_OFF)
    old, _ = waiting_for(world.status)
    world.release(V3)
    world.until(lambda each: each.status.run is not None and each.status.run.revision == V3)
    world.until(lambda each: each.status.waiting is not None and bool(each.status.waiting.gates))

    said = say(world, run=old, revision=V2)
    world.rest(3600)
    assert world.status.phase is Phase.WAITING_PROMOTION
    assert not world.answered[said.name].accepted
    assert "which has ended (Superseded)" in world.answered[said.name].message


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"run": "other-run"}, "which waits no more"),
        ({"revision": V3}, f"it is about revision {V3}"),
        ({"gate": "sign-of"}, "has no sign-of; there are: sign-off"),
    ],
)
def test_a_word_that_is_about_something_else_is_told_so_and_does_nothing(changes: dict[str, str], why: str) -> None:
    world = gated(SIGN_OFF)
    for approves in (True, False):
        said = say(world, approves=approves, **changes)
        world.rest(600)
        assert not world.answered[said.name].accepted
        assert why in world.answered[said.name].message
        assert world.status.phase is Phase.WAITING_PROMOTION


def test_the_second_to_approve_hears_who_was_first() -> None:
    gate = replace(SIGN_OFF, before=GateKind.TRAFFIC_INCREASE)
    world = gated(gate)
    say(world)
    world.until(lambda each: each.status.canary_weight == 10)
    said = say(world, by="joe")
    world.settle()
    assert world.answered[said.name].message.startswith("gate sign-off is open already by jane")


def test_a_refusal_after_the_promotion_has_begun_does_nothing() -> None:
    world = gated(SIGN_OFF)
    run, revision = waiting_for(world.status)
    say(world)
    world.until(lambda each: each.decide().status.phase is Phase.PROMOTING)
    said = say(world, approves=False, run=run, revision=revision)
    world.until_phase(Phase.SUCCEEDED)
    assert world.answered[said.name].message == "the promotion has begun; all gates are passed"


def test_a_gate_before_each_increase_is_opened_step_by_step() -> None:
    world = gated(replace(SIGN_OFF, before=GateKind.TRAFFIC_INCREASE))
    for step, weight in ((1, 0), (2, 10)):
        world.rest(7200)
        assert (world.status.canary_weight, world.status.waiting.step + 1) == (weight, step)
        say(world, step=step)
        world.until(lambda each, least=weight: each.status.canary_weight > least)
    world.until_phase(Phase.SUCCEEDED)


def test_one_word_can_open_all_increases() -> None:
    world = gated(replace(SIGN_OFF, before=GateKind.TRAFFIC_INCREASE))
    assert world.status.waiting.before is GateKind.TRAFFIC_INCREASE
    say(world, step=None)
    world.until_phase(Phase.SUCCEEDED)
    assert world.weights()[-3:] == [10, 50, 0]


def test_a_word_on_a_step_that_was_taken_opens_no_later_one() -> None:
    world = gated(replace(SIGN_OFF, before=GateKind.TRAFFIC_INCREASE))
    say(world, step=1)
    world.until(lambda each: each.status.canary_weight == 10)
    said = say(world, step=1, by="joe")
    world.rest(7200)
    assert world.status.canary_weight == 10
    assert not world.answered[said.name].accepted


def test_a_revision_waits_for_its_run_and_the_word_is_kept_in_its_history() -> None:
    world = gated(replace(SIGN_OFF, before=GateKind.ROLLOUT))
    assert (world.status.phase, world.status.run, world.target.replicas) == (Phase.WAITING, None, 0)
    said = say(world)
    world.until_phase(Phase.SUCCEEDED)
    assert world.answered[said.name].accepted
    assert world.status.history[-1].gates[0].by == "jane"


def test_a_revision_that_was_refused_is_not_released() -> None:
    world = gated(replace(SIGN_OFF, before=GateKind.ROLLOUT))
    said = say(world, approves=False)
    world.until_phase(Phase.FAILED)
    world.rest(3600)
    assert (world.status.reason, world.status.history) == ("GateDenied", ())
    assert world.answered[said.name].accepted


def test_a_word_on_a_revision_that_waited_is_no_word_on_its_next_attempt() -> None:
    world = gated(replace(SIGN_OFF, before=GateKind.ROLLOUT))
    first, _ = waiting_for(world.status)
    world.release(V3)
    world.until(lambda each: each.status.waiting is not None and each.status.waiting.of == V3)
    world.rest(10)
    world.release(V2)
    world.until(lambda each: each.status.waiting is not None and each.status.waiting.of == V2)

    assert waiting_for(world.status)[0] != first
    said = say(world, run=first)
    world.rest(600)
    assert world.status.phase is Phase.WAITING
    assert not world.answered[said.name].accepted


@pytest.mark.parametrize("before", [GateKind.PROMOTION, GateKind.ROLLOUT])
def test_who_refuses_is_heard_beside_who_approves(before: GateKind) -> None:
    world = gated(replace(SIGN_OFF, before=before))
    say(world)
    say(world, approves=False, by="joe")
    world.until_phase(Phase.FAILED)
    assert world.status.reason == "GateDenied"


@pytest.mark.parametrize(
    ("policy", "phase", "reason"),
    [
        (Policy.PROCEED, Phase.SUCCEEDED, "Promoted"),
        (Policy.ROLLBACK, Phase.FAILED, "GateTimedOut"),
        (Policy.HOLD, Phase.WAITING_PROMOTION, "GateClosed"),
    ],
)
def test_nobody_comes_in_time(policy: Policy, phase: Phase, reason: str) -> None:
    world = gated(replace(SIGN_OFF, timeout_seconds=600.0, on_timeout=policy))
    world.rest(599)
    assert world.status.phase is Phase.WAITING_PROMOTION
    world.rest(7200)
    assert (world.status.phase, world.status.reason) == (phase, reason)
    assert world.told.count("GateTimedOut") == (1 if policy is Policy.HOLD else 0)


def test_a_gate_that_waits_on_can_still_be_opened() -> None:
    world = gated(replace(SIGN_OFF, timeout_seconds=600.0))
    world.rest(7200)
    assert (world.status.phase, world.told.count("GateTimedOut")) == (Phase.WAITING_PROMOTION, 1)
    say(world)
    world.until_phase(Phase.SUCCEEDED)


@pytest.mark.parametrize("policy", [Policy.ROLLBACK, Policy.PROCEED])
def test_the_time_for_people_runs_on_while_a_run_is_paused(policy: Policy) -> None:
    world = gated(replace(SIGN_OFF, timeout_seconds=600.0, on_timeout=policy))
    since = world.status.waiting.since
    world.edit(paused=True).rest(3600)
    assert world.status.phase is (Phase.FAILED if policy is Policy.ROLLBACK else Phase.WAITING_PROMOTION)
    if policy is Policy.PROCEED:
        world.edit(paused=False).until_phase(Phase.SUCCEEDED)
        assert world.status.history[-1].gates[0].at - since >= timedelta(seconds=3600)


def test_of_many_gates_each_has_its_time() -> None:
    gates = [GateSpec(name=f"team-{each}", before=GateKind.PROMOTION) for each in "abcdef"]
    world = gated(*gates, replace(SIGN_OFF, timeout_seconds=600.0, on_timeout=Policy.ROLLBACK))
    assert len(world.status.waiting.gates) < len(gates)
    world.edit(paused=True).rest(3600)
    assert world.status.reason == "GateTimedOut"


def test_a_rollback_waits_for_nobody() -> None:
    world = gated(SIGN_OFF)
    world.answerer = failing
    world.target.trouble = None
    world.until_phase(Phase.FAILED)
    assert world.status.reason != "GateClosed"


def test_gates_of_an_aborted_wait_leave_nothing() -> None:
    world = gated(SIGN_OFF)
    world.release("v1-111111111111")
    world.until_phase(Phase.SUCCEEDED)
    assert (world.status.waiting, world.status.gates) == (None, ())
    assert world.status.history[-1].result is Result.CANCELLED


def test_a_steady_wait_writes_nothing() -> None:
    world = gated(SIGN_OFF)
    world.settle()
    before = world.status
    world.rest(86400 * 3)
    changed = [each for each in world.journal if each.waiting != before.waiting]
    assert world.status.waiting == before.waiting
    assert changed == [each for each in world.journal if each.waiting is None or not each.waiting.gates]


def test_a_gate_without_a_name_in_the_spec_is_no_gate() -> None:
    world = initialised(analysis=steps(10)).release(V2)
    world.until_phase(Phase.SUCCEEDED)
    assert a_spec().gates == ()
