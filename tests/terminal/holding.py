"""Canaries that people, Freezes and the clock hold, as somebody sees them who may read all of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from delivery.terminal.seen import Hours, Rule, Seen
from strategies.gates import GateKind, GateRecord, Word
from strategies.permits import Window
from strategies.status import Answered, Condition, Phase, Stage, Status, Waiting
from tests.terminal.recorded import FAILED, GATED, NOW, PAST, PROGRESSING, RUN, SPEC, ago, canary, seen

UNTIL = NOW + timedelta(days=2, hours=20)
FROZEN = replace(
    PROGRESSING,
    conditions=(
        Condition(
            type="Frozen",
            status="True",
            reason="Frozen",
            message="rollouts are frozen until 2026-03-04 08:00 UTC by ops: the big days",
            last_transition_time=ago(60),
        ),
    ),
    command=Answered(
        id="a1",
        at=ago(190),
        accepted=False,
        verb="promote",
        by="jane (claimed)",
        message="it is paused; `delivery resume reviews` first",
    ),
)
"""The controller has checked that it was ops."""

OUTSIDE = Status(
    phase=Phase.WAITING,
    revision=RUN.revision,
    reason="GateClosed",
    message="window: outside its rollout window until 2026-03-02 08:00 UTC",
    last_applied_spec="v2-11aa22bb33cc",
    last_promoted_spec="v2-11aa22bb33cc",
    last_transition_time=ago(600),
    waiting=Waiting(
        before=GateKind.ROLLOUT,
        of=RUN.revision,
        step=-1,
        since=ago(600),
        gates=("window", "approval/desk"),
        message="window: outside its rollout window until 2026-03-02 08:00 UTC; at once: kubectl annotate pdc reviews; "
        "approval/desk: kubectl delivery approve reviews -n bookinfo --gate desk --reason TEXT (or deny)",
    ),
)
DENIED = replace(
    FAILED,
    stage=Stage.NONE,
    reason="GateDenied",
    message="sign-off was denied by jane: wrong copy on the page",
    checks=(),
    history=(
        replace(
            PAST,
            reason="GateDenied",
            gates=(
                GateRecord(gate="desk", word=Word.PROCEEDED, at=ago(990)),
                GateRecord(gate="sign-off", word=Word.DENIED, at=ago(700), by="jane", reason="wrong copy on the page"),
            ),
        ),
    ),
)
PEOPLE = replace(
    GATED,
    waiting=Waiting(
        before=GateKind.PROMOTION,
        of=RUN.id,
        step=4,
        since=ago(130),
        gates=("approval/sign-off", "approval/late", "webhook/qa"),
        message="webhook/qa: it said no",
    ),
    conditions=(),
    gates=(
        GateRecord(
            gate="desk", of="fbc021-x", word=Word.APPROVED, at=ago(420), by="jane (claimed)", reason="as agreed"
        ),
        GateRecord(gate="each", of=RUN.id, word=Word.APPROVED, at=ago(300), by="bob", reason="looks fine", step=4),
        GateRecord(gate="late", of=RUN.id, word=Word.OVERDUE, at=ago(100)),
    ),
)
GATES: list[dict[str, Any]] = [
    {"name": "desk", "before": "rollout", "approval": {}, "timeoutSeconds": 7200, "onTimeout": "proceed"},
    {"name": "each", "before": "traffic-increase", "approval": {}},
    {"name": "sign-off", "before": "promotion", "approval": {}, "timeoutSeconds": 3600, "onTimeout": "rollback"},
    {"name": "late", "before": "promotion", "approval": {}, "timeoutSeconds": 30},
]
WINDOWS: dict[str, Any] = {
    "allow": [{"cron": "0 9 * * mon-thu", "durationSeconds": 25200}],
    "timeZone": "Europe/Berlin",
    "onClose": "rollback",
}
CLOSED = Hours(
    window=Window(open=False, until=datetime(2026, 3, 2, 8, 0, tzinfo=UTC)),
    closed_by=(Rule(cron="0 9 * * mon-thu", seconds=25200, denies=False),),
)


def freeze(name: str, namespace: str, until: datetime, *, user: str = "", signature: str = "") -> dict[str, Any]:
    spec = {"until": f"{until:%Y-%m-%dT%H:%M:%SZ}", "reason": "the big days", "user": user, "signature": signature}
    return {"metadata": {"namespace": namespace, "name": name}, "spec": spec}


def asked(body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A Canary with a command that has no answer."""
    meta = {**body["metadata"], "annotations": {"progressive.delivery/command": json.dumps(fields)}}
    return {**body, "metadata": meta}


def held(status: Status, **more: Any) -> Seen:
    """As somebody sees it who may read Freezes."""
    gates = {**SPEC["analysis"], "gates": GATES}
    base = replace(seen(status), canary=canary(status, analysis=gates), freezes_known=True, home="control")
    return replace(base, **more)


HELD = {
    "frozen": replace(
        seen(FROZEN),
        freezes=(
            freeze("freeze-one", "control", UNTIL, user="ops", signature="s"),
            freeze("freeze-two", "bookinfo", NOW + timedelta(minutes=30), user="jane", signature="s"),
            freeze("over", "bookinfo", ago(1), user="jane"),
            freeze("elsewhere", "shop", UNTIL, user="jane"),
        ),
        freezes_known=True,
        home="control",
    ),
    "outside": replace(
        held(OUTSIDE, hours=CLOSED),
        canary=canary(OUTSIDE, analysis={**SPEC["analysis"], "gates": GATES}, rolloutWindows=WINDOWS),
    ),
    "denied": held(DENIED),
    "people": held(
        PEOPLE,
        canary=asked(
            canary(PEOPLE, analysis={**SPEC["analysis"], "gates": GATES}),
            id="b2",
            verb="promote",
            by="jane",
            at="2026-03-01T11:59:40Z",
            arguments={"full": True, "reason": "hotfix"},
        ),
    ),
}
