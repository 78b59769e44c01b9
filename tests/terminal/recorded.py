"""Canaries as a cluster has them at telling moments, with their pods and Events; and the time at which to look."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from delivery.api.status import dump
from delivery.terminal.seen import Seen, Workload
from metrics.verdict import Evidence, Outcome
from strategies.gates import GateKind
from strategies.status import Check, Condition, Past, Phase, Result, Run, Stage, Status, Waiting

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


SPEC: dict[str, Any] = {
    "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
    "service": {"port": 9080},
    "analysis": {
        "interval": "60s",
        "threshold": 5,
        "stepWeights": [5, 10, 25, 50],
        "metrics": [{"name": "request-success-rate"}, {"name": "request-duration", "interval": "30s"}],
    },
}
COUNTED = Evidence(canary_requests=480, canary_bad=3, primary_requests=4790, primary_bad=11)
RATE = Check(
    name="request-success-rate",
    window=3,
    end=ago(20),
    outcome=Outcome.FAIL,
    value=97.5,
    limit="min 99",
    message="request-success-rate 97.5 is below 99",
    fails=1,
    in_row=1,
    evidence=replace(COUNTED, changed_by="7 failed requests fewer would have passed"),
    recent=(99.8, 99.4, 97.5),
)
DURATION = Check(
    name="request-duration",
    window=3,
    end=ago(20),
    outcome=Outcome.PASS,
    value=212.4,
    limit="max 500",
    passes=1,
    recent=(180.0, 240.0, 212.4),
)
RUN = Run(
    id="r1f3",
    revision="v2-fbc021aac03c",
    started=ago(400),
    floor=3,
    step=1,
    step_since=ago(90),
    windows_from=ago(80),
)
PROGRESSING = Status(
    phase=Phase.PROGRESSING,
    canary_weight=10,
    seen_weight=9.8,
    step="2/4",
    revision=RUN.revision,
    reason="Analysing",
    message="at 10 %, windows are being judged",
    failed_checks=1,
    last_applied_spec=RUN.revision,
    last_promoted_spec="v2-11aa22bb33cc",
    last_transition_time=ago(400),
    run=RUN,
    checks=(RATE, DURATION),
    conditions=(
        Condition(type="Ready", status="True", reason="Watching", last_transition_time=ago(4000)),
        Condition(type="Promoted", status="Unknown", reason="Progressing", last_transition_time=ago(400)),
    ),
)
PAST = Past(
    id="r1f2",
    revision=RUN.revision,
    started=ago(1000),
    ended=ago(700),
    result=Result.ROLLED_BACK,
    reason="CheckFailed",
    weight=10,
)
FAILED = replace(
    PROGRESSING,
    phase=Phase.FAILED,
    stage=Stage.DRAIN,
    stage_since=ago(5),
    canary_weight=0,
    step="",
    reason="CheckFailed",
    message="57 of 1,204 requests failed (4.7 %) against 11 of 4,790 (0.23 %) on the primary",
    run=None,
    history=(replace(PAST, id="r1f1", result=Result.PROMOTED, reason="Promoted", weight=100), PAST),
    last_transition_time=ago(700),
)
GATED = replace(
    PROGRESSING,
    phase=Phase.WAITING_PROMOTION,
    canary_weight=50,
    step="4/4",
    reason="GateClosed",
    message="approval/sign-off: kubectl delivery approve reviews --gate sign-off",
    waiting=Waiting(
        before=GateKind.PROMOTION,
        of=RUN.id,
        step=4,
        since=ago(130),
        gates=("approval/sign-off",),
        message="approval/sign-off: kubectl delivery approve reviews --gate sign-off",
    ),
    run=replace(RUN, step=3),
    conditions=(
        Condition(
            type="Contested",
            status="True",
            reason="Contested",
            message="kubectl-edit takes spec.http from us",
            last_transition_time=ago(60),
        ),
    ),
)


def canary(status: Status | None, *, name: str = "reviews", **spec: Any) -> dict[str, Any]:
    body = {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"namespace": "bookinfo", "name": name, "generation": 1, "resourceVersion": "7"},
        "spec": {**SPEC, **spec},
    }
    return body if status is None else {**body, "status": dump(status)}


def deployment(name: str, image: str, replicas: int) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": image}]}}
    return {
        "kind": "Deployment",
        "metadata": {"namespace": "bookinfo", "name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
        "status": {"readyReplicas": replicas},
    }


def pod(name: str, *, app: str = "", ready: bool = True, restarts: int = 0, stuck: str = "") -> dict[str, Any]:
    container: dict[str, Any] = {"name": "app", "restartCount": restarts}
    if stuck:
        container["state"] = {"waiting": {"reason": stuck}}
    return {
        "metadata": {"namespace": "bookinfo", "name": name, "labels": {"app": app}},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [container],
        },
    }


def event(reason: str, message: str, at: datetime, *, warning: bool = False, run: str = "r1f3") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "bookinfo", "name": f"reviews.{run}-abc-1-{reason.lower()}"},
        "involvedObject": {"kind": "Canary", "name": "reviews"},
        "reason": reason,
        "message": message,
        "type": "Warning" if warning else "Normal",
        "lastTimestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def seen(status: Status, *, notes: tuple[str, ...] = (), broken: bool = False) -> Seen:
    pods = tuple(pod(f"reviews-primary-{index}") for index in range(3))
    mine = pod("reviews-6d4f", ready=not broken, restarts=4 * broken, stuck="CrashLoopBackOff" if broken else "")
    return Seen(
        canary=canary(status),
        workloads=(
            Workload(
                role="primary",
                name="reviews-primary",
                body=deployment("reviews-primary", "registry.example.com/bookinfo/reviews:v1", 3),
                pods=pods,
            ),
            Workload(
                role="canary",
                name="reviews",
                body=deployment("reviews", "registry.example.com/bookinfo/reviews:v2", 1),
                pods=(mine,),
            ),
        ),
        events=(
            event("Advanced", "v2-fbc021aac03c: 5 % of requests to the canary (step 1 of 4)", ago(200)),
            event("CheckFailed", "3 of 480 requests failed; the weight stays at 10 %", ago(20), warning=True),
            event("RolledBack", "Rolled back at 10 %: 3 of 480 requests failed", ago(700), warning=True, run="r1f2"),
        ),
        notes=notes,
    )


MOMENTS = {
    "progressing": seen(PROGRESSING),
    "failed": seen(FAILED),
    "gated": seen(GATED),
    "broken": seen(PROGRESSING, broken=True, notes=("no permission to list events",)),
    "new": Seen(canary=canary(None)),
}
