"""A person's word from a terminal: bound to what waits, said once however often it is typed, refused in clear words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from delivery.api.status import dump
from delivery.cli import main
from delivery.cluster.memory import Admission, ForbiddenError
from delivery.cluster.objects import APPROVALS, CANARIES, FREEZES, Ref
from delivery.gates import freezing
from strategies.gates import GateKind, GateRecord, Word
from strategies.status import Phase, Run, Status, Waiting
from tests.cli.served import Served

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = Run(id="a1b2c3-x1", revision="v1-a1b2c3", started=NOW)
GATES = [{"name": "sign-off", "before": "promotion"}, {"name": "step", "before": "traffic-increase"}]


def waiting(*gates: str, before: GateKind = GateKind.PROMOTION, step: int = 2, **changes: Any) -> Status:
    closed = tuple(f"approval/{gate}" for gate in gates)
    at = Waiting(before=before, of=RUN.id, step=step, since=NOW, gates=closed, message="approve it")
    return Status(**{"phase": Phase.WAITING_PROMOTION, "run": RUN, "waiting": at, **changes})


def canary(served: Served, status: Status) -> None:
    served.canary("reviews", "shop", status=dump(status))
    op = {"op": "add", "path": "/spec/analysis/gates", "value": GATES}
    served.then(lambda: served.store.patch(Ref(CANARIES, "shop", "reviews"), [op]))


def call(served: Served, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--kubeconfig", str(served.kubeconfig)])


def approve(served: Served, gate: str = "sign-off", *more: str, verb: str = "approve") -> Result:
    return call(served, verb, "reviews", "-n", "shop", "--gate", gate, "--reason", "fine", *more)


def said(served: Served) -> list[Any]:
    return list(served.then(lambda: [dict(each) for each in served.store.scan(APPROVALS, "shop")]))


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_a_word_names_run_and_revision_and_goes_with_its_canary(served: Served, verb: str) -> None:
    canary(served, waiting("sign-off"))
    result = approve(served, verb=verb)
    assert result.exit_code == 0, result.output
    assert RUN.id in result.output
    (body,) = said(served)
    spec = body["spec"]
    assert (spec["canary"], spec["run"], spec["revision"], spec["gate"]) == (
        "reviews",
        RUN.id,
        RUN.revision,
        "sign-off",
    )
    assert (spec["decision"], spec["reason"]) == (verb, "fine")
    assert "step" not in spec
    (owner,) = body["metadata"]["ownerReferences"]
    assert owner["uid"] == served.get(CANARIES, "reviews", "shop")["metadata"]["uid"]


def test_what_is_said_twice_is_said_once(served: Served) -> None:
    canary(served, waiting("sign-off"))
    approve(served)
    result = approve(served)
    assert (result.exit_code, len(said(served))) == (0, 1)
    assert "was approved already by" in result.output


def test_what_the_run_has_acted_on_is_open_already(served: Served) -> None:
    record = GateRecord(gate="sign-off", of=RUN.id, word=Word.APPROVED, at=NOW, by="jane", approval="a")
    canary(served, Status(phase=Phase.PROGRESSING, run=RUN, gates=(record,)))
    result = approve(served)
    assert (result.exit_code, said(served)) == (0, [])
    assert "gate sign-off is open already, approved by jane" in result.output


@pytest.mark.parametrize(
    ("status", "gate", "more", "says"),
    [
        (
            waiting("sign-off"),
            "step",
            (),
            "gate 'step' does not wait; closed since 2026-01-01 12:00 UTC before promotion",
        ),
        (
            waiting("sign-off"),
            "sign-of",
            (),
            "the Canary has no gate 'sign-of'; spec.analysis.gates has: sign-off, step",
        ),
        (waiting("sign-off"), "sign-off", ("--run", "old"), "run old does not wait; now it is a1b2c3-x1"),
        (Status(phase=Phase.SUCCEEDED), "sign-off", (), "nothing waits (phase Succeeded)"),
    ],
)
def test_what_waits_for_nobody_is_refused_and_what_waits_is_named(
    served: Served, status: Status, gate: str, more: tuple[str, ...], says: str
) -> None:
    canary(served, status)
    result = approve(served, gate, *more)
    assert (result.exit_code, said(served)) == (1, [])
    assert says in result.output


def test_a_run_is_refused_before_it_has_come_to_the_gate(served: Served) -> None:
    canary(served, Status(phase=Phase.PROGRESSING, run=RUN))
    assert approve(served).exit_code == 1
    assert approve(served, verb="deny").exit_code == 0
    assert [each["spec"]["decision"] for each in said(served)] == ["deny"]


def test_of_many_gates_those_that_are_only_counted_can_be_opened_too(served: Served) -> None:
    at = replace(waiting("a", "b", "c").waiting, gates=("approval/a", "and 4 more"))  # type: ignore[type-var]
    canary(served, waiting(waiting=at))
    assert approve(served).exit_code == 0


@pytest.mark.parametrize(("more", "step"), [((), 3), (("--all-steps",), None)])
def test_a_gate_before_each_increase_is_opened_for_the_next_or_for_all(
    served: Served, more: tuple[str, ...], step: int | None
) -> None:
    canary(served, waiting("step", before=GateKind.TRAFFIC_INCREASE))
    assert approve(served, "step", *more).exit_code == 0
    assert said(served)[0]["spec"].get("step") == step


def test_a_revision_before_its_run_has_a_ticket_of_this_attempt(served: Served) -> None:
    at = Waiting(before=GateKind.ROLLOUT, of="v1-a1b2c3", step=-1, since=NOW, gates=("approval/sign-off",))
    canary(served, Status(phase=Phase.WAITING, waiting=at))
    assert approve(served).exit_code == 0
    assert said(served)[0]["spec"]["run"].startswith("a1b2c3-")


def test_without_permission_it_is_said_which_is_missing(served: Served) -> None:
    canary(served, waiting("sign-off"))

    def refuse(admission: Admission) -> None:
        if admission.ref.kind in (APPROVALS, FREEZES):
            raise ForbiddenError("user may not create it")

    served.then(lambda: served.store.admission.append(refuse))
    result = approve(served)
    assert result.exit_code == 1
    assert "no permission to create approvals.progressive.delivery in namespace shop" in result.output
    frozen = call(served, "freeze", "--until", "2h", "--reason", "x", "-n", "shop")
    assert "no permission to create freezes.progressive.delivery" in frozen.output


def test_a_freeze_is_said_and_lifted(served: Served) -> None:
    result = call(served, "freeze", "--until", "2h", "--reason", "the big day", "-n", "shop")
    assert result.exit_code == 0, result.output
    assert "the Canaries of namespace shop" in result.output
    (body,) = served.then(lambda: [dict(each) for each in served.store.scan(FREEZES, "shop")])
    assert body["spec"]["reason"] == "the big day"
    assert (
        timedelta(minutes=119) < datetime.fromisoformat(body["spec"]["until"]) - datetime.now(UTC) <= timedelta(hours=2)
    )

    assert call(served, "unfreeze", "-n", "shop").output == "1 freeze ended in shop\n"
    assert call(served, "unfreeze", "-n", "shop").output == "no freezes ended in shop\n"


def test_a_freeze_of_everything_stands_in_the_controllers_namespace(served: Served) -> None:
    result = call(served, "freeze", "--until", "1d", "--reason", "x", "--controller-namespace", "default")
    assert "all Canaries" in result.output, result.output
    assert len(served.then(lambda: list(served.store.scan(FREEZES, "default")))) == 1


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("90m", NOW + timedelta(minutes=90)),
        ("1d12h", NOW + timedelta(hours=36)),
        ("2026-01-02T18:00+01:00", datetime(2026, 1, 2, 17, tzinfo=UTC)),
    ],
)
def test_a_moment_can_be_said_in_several_ways(text: str, until: datetime) -> None:
    assert freezing.moment(text, NOW) == until


@pytest.mark.parametrize("text", ["", "soon", "90", "2026-01-02T18:00", "2020-01-02T18:00Z", "400d", "9999999999d"])
def test_a_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(freezing.MomentError, match="allowed"):
        freezing.moment(text, NOW)
    result = CliRunner().invoke(main, ["freeze", "--until", text, "--reason", "x"])
    assert (result.exit_code, "--until" in result.output) == (2, True)
