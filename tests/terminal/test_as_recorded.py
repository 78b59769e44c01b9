"""What the terminal shows of gates, Freezes and commands, held to what the state machine itself has recorded."""

from datetime import timedelta
from typing import Any

import pytest

from delivery.api.status import dump
from delivery.terminal import look, runs, why
from delivery.terminal.screen import ApprovalLine, Screen
from delivery.terminal.seen import Hours, Rule, Seen
from strategies.commands import Verb
from strategies.gates import GateKind
from strategies.permits import Frozen, Window
from strategies.spec import GateSpec, Policy, WindowRules
from strategies.status import Phase
from tests.strategies.test_people import say
from tests.strategies.world import V2, World, initialised, progressing, steps

ON_TIMEOUT = {Policy.HOLD: "hold", Policy.PROCEED: "proceed", Policy.ROLLBACK: "rollback"}
DESK = GateSpec(name="desk", before=GateKind.ROLLOUT, timeout_seconds=3600, on_timeout=Policy.PROCEED)
EACH = GateSpec(name="each", before=GateKind.TRAFFIC_INCREASE)
LAST = GateSpec(name="last", before=GateKind.PROMOTION, timeout_seconds=7200, on_timeout=Policy.ROLLBACK)


def body(world: World) -> dict[str, Any]:
    """The Canary as the cluster has it."""
    gates = [
        {"name": each.name, "before": each.before.value, "approval": {}, "onTimeout": ON_TIMEOUT[each.on_timeout]}
        | ({"timeoutSeconds": int(each.timeout_seconds)} if each.timeout_seconds is not None else {})
        for each in world.spec.gates
    ]
    spec: dict[str, Any] = {"targetRef": {"kind": "Deployment", "name": world.spec.name}}
    spec["analysis"] = {"stepWeights": [10, 50], "gates": gates}
    if world.spec.windows is not None:
        spec["rolloutWindows"] = {"onClose": ON_TIMEOUT[world.spec.windows.on_close]}
    meta = {"name": world.spec.name, "namespace": world.spec.namespace}
    return {"metadata": meta, "spec": spec, "status": dump(world.status)}


def seen(world: World, **more: Any) -> Seen:
    return Seen(canary=body(world), freezes_known=True, home="control", **more)


def shown(world: World, **more: Any) -> Screen:
    return look.look(seen(world, **more), world.now)


def gate(world: World, name: str) -> ApprovalLine:
    return next(each for each in shown(world).approvals if each.name == name)


def until_closed(world: World, name: str) -> World:
    return world.until(lambda each: each.status.waiting is not None and f"approval/{name}" in each.status.waiting.gates)


def test_gates_are_followed_from_the_desk_to_the_promotion() -> None:
    world = initialised(gates=(DESK, EACH, LAST), analysis=steps(10, 50)).release(V2)

    until_closed(world, "desk")
    assert [each.state for each in shown(world).approvals] == ["waiting", "not-reached", "not-reached"]
    assert gate(world, "desk").message.startswith("kubectl delivery approve reviews -n shop --gate desk")
    say(world, "desk", reason="as agreed")
    until_closed(world, "each")
    assert (gate(world, "desk").state, gate(world, "desk").by, gate(world, "desk").reason) == (
        "approved", "jane", "as agreed",
    )  # fmt: skip
    assert (gate(world, "each").state, gate(world, "last").state) == ("waiting", "not-reached")
    say(world, "each", step=1, by="bob (claimed)")
    world.until(lambda each: each.status.canary_weight == 10)
    assert (gate(world, "each").state, gate(world, "each").step, gate(world, "each").claimed) == ("approved", 1, True)
    until_closed(world, "each")
    assert (gate(world, "each").state, gate(world, "each").by) == ("waiting", ""), "it comes again with each step"
    say(world, "each")
    until_closed(world, "last")
    waits = gate(world, "last")
    assert waits.since is not None
    assert waits.timeout_at == waits.since + timedelta(hours=2)
    assert shown(world).held == ("last",)
    say(world, "last", reason="fine")
    world.until_phase(Phase.SUCCEEDED)
    assert [each.state for each in shown(world).approvals] == ["approved", "approved", "approved"]
    past, *_ = runs.runs(world.status, (), world.now)
    assert [(each.gate, each.word, each.reason) for each in past.gates] == [
        ("desk", "approved", "as agreed"), ("each", "approved", "it looks fine"), ("last", "approved", "fine"),
    ]  # fmt: skip


def test_a_gate_to_which_nobody_came_says_what_became_of_it() -> None:
    holding = GateSpec(name="last", before=GateKind.PROMOTION, timeout_seconds=60)
    world = initialised(gates=(holding,), analysis=steps(10)).release(V2)
    until_closed(world, "last").rest(120)
    assert (gate(world, "last").state, shown(world).held) == ("overdue", ("last",))

    world = initialised(gates=(LAST,), analysis=steps(10)).release(V2)
    world.until_phase(Phase.FAILED)
    assert (gate(world, "last").state, shown(world).reason) == ("expired", "GateTimedOut")
    assert any("kubectl delivery retry reviews -n shop" in each for each in why.why(seen(world), world.now).to_do)

    world = initialised(gates=(DESK,), analysis=steps(10)).release(V2)
    world.until_phase(Phase.SUCCEEDED)
    assert gate(world, "desk").state == "proceeded"


@pytest.mark.parametrize("name", ["desk", "last"])
def test_a_refusal_keeps_its_author_and_reason_after_the_end(name: str) -> None:
    world = initialised(gates=(DESK, LAST), analysis=steps(10)).release(V2)
    until_closed(world, "desk")
    if name == "last":
        say(world, "desk")
        until_closed(world, "last")
    say(world, name, approves=False, reason="wrong copy")
    world.until_phase(Phase.FAILED)

    refused = gate(world, name)
    assert (refused.state, refused.by, refused.reason) == ("denied", "jane", "wrong copy")
    assert f"gate {name}" in " ".join(why.why(seen(world), world.now).said)


def test_the_controller_s_word_vouches_for_the_author_of_a_freeze() -> None:
    world = progressing(0, analysis=steps(10, 50))
    for by, claimed in (("jane", False), ("jane (claimed)", True)):
        world.frozen = Frozen(until=world.now + timedelta(hours=5), by=by, reason="the big days " * 20)
        world.rest(60)
        until = world.frozen.until.isoformat()
        spec = {"until": until, "reason": world.frozen.reason, "user": "jane", "signature": "s"}
        freeze = {"metadata": {"name": "f", "namespace": "control"}, "spec": spec}
        (line,) = shown(world, freezes=(freeze,)).freezes
        assert line.claimed is claimed


def test_a_run_at_a_freeze_goes_on_when_that_ends() -> None:
    world = progressing(0, analysis=steps(10, 50))
    world.frozen = Frozen(until=world.now + timedelta(hours=5), by="jane", reason="the big days")
    world.until(lambda each: each.status.waiting is not None and each.status.waiting.gates == ("freeze",))
    spec = {"until": world.frozen.until.isoformat(), "reason": "the big days", "user": "jane"}
    screen = shown(world, freezes=({"metadata": {"name": "f", "namespace": "shop"}, "spec": spec},))

    assert (screen.next.action, screen.next.at) == ("the next step when the freeze ends", world.frozen.until)
    assert screen.held == ("freeze",)


def test_a_revision_outside_of_its_window_begins_when_that_opens() -> None:
    world = initialised(windows=WindowRules(on_close=Policy.HOLD), analysis=steps(10))
    world.window = Window(open=False, until=world.now + timedelta(hours=5))
    world.release(V2).rest(120)
    rule = Rule(cron="0 9 * * *", seconds=60, denies=False)
    screen = shown(world, hours=Hours(window=world.window, closed_by=(rule,)))

    assert (screen.next.action, screen.next.at) == (
        "the run begins when its rollout window opens", world.window.until,
    )  # fmt: skip
    assert screen.window is not None
    assert (screen.window.holds, screen.held) == (True, ("window",))
    assert "kubectl annotate pdc reviews -n shop" in screen.gates[0].message


def test_commands_are_shown_as_they_were_answered() -> None:
    world = progressing(0, analysis=steps(10, 50)).give(Verb.PAUSE, reason="hm").rest(60)
    screen = shown(world)
    assert screen.command is not None
    assert (screen.command.verb, screen.command.state) == ("pause", "accepted")
    assert screen.held == ("pause",)
    assert "after it is resumed (delivery resume)" in screen.next.action

    world.give(Verb.PROMOTE).rest(60)
    screen = shown(world)
    assert screen.command is not None
    assert (screen.command.verb, screen.command.state) == ("promote", "refused")
    assert "`delivery resume reviews` first" in screen.command.message
