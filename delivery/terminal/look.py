"""From what was read to what is shown. Pure: the same objects at the same time make the same screen."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from delivery.cluster.objects import Object
from delivery.terminal.commanded import command
from delivery.terminal.figures import UNITS, step_of
from delivery.terminal.holding import holding
from delivery.terminal.policy import policy_of
from delivery.terminal.screen import CheckLine, ConditionLine, EventLine, RoleLine, Screen
from delivery.terminal.seen import Seen, Workload
from delivery.terminal.upcoming import next_action, timers
from delivery.workloads.health import is_ready, trouble
from metrics.verdict import Evidence
from strategies.status import Check, Status

MOST_EVENTS = 8
MOST_TROUBLES = 3
_GOOD = {"Ready": "True", "TrafficSynced": "True", "AnalysisHealthy": "True"}
_SAID_ELSEWHERE = ("Promoted", "GateClosed")
"""What these say is the phase, and a section of its own."""


def look(seen: Seen, now: datetime) -> Screen:
    """The present moment of a Canary. Raises UnreadableStatus for a status that no program of ours wrote."""
    status, policy = seen.status, policy_of(seen.canary)
    step, steps = step_of(status.step)
    meta = seen.canary["metadata"]
    held = holding(seen, status, now)
    return Screen(
        at=now,
        namespace=meta.get("namespace", ""),
        name=meta["name"],
        phase=status.phase.value,
        reason=status.reason,
        message=status.message,
        since=status.last_transition_time,
        step=step,
        steps=steps or len(policy.plan),
        wanted=status.canary_weight,
        seen=status.seen_weight,
        mirror=status.run.mirror if status.run is not None else 0,
        run=status.run.id if status.run is not None else "",
        revision=status.revision,
        promoted=status.last_promoted_spec,
        failed=status.failed_checks,
        threshold=policy.threshold,
        next=next_action(status, policy, now, held),
        roles=tuple(_role(each, status) for each in seen.workloads),
        checks=tuple(map(_check, status.checks)),
        gates=held.gates,
        conditions=tuple(_conditions(status)),
        timers=timers(status, policy, now, held),
        events=told(seen.events)[-MOST_EVENTS:],
        notes=seen.notes,
        held=held.names(spec_paused=policy.paused),
        command=command(seen, status),
        approvals=held.approvals,
        freezes=held.freezes,
        freezes_known=seen.freezes_known,
        window=held.window,
    )


def told(events: Iterable[Object]) -> tuple[EventLine, ...]:
    """Events as they were told, the oldest first."""
    lines = (
        EventLine(
            at=_when(each),
            reason=str(each.get("reason") or ""),
            message=str(each.get("message") or ""),
            warning=each.get("type") == "Warning",
        )
        for each in events
    )
    return tuple(sorted(lines, key=lambda line: line.at))


def _when(event: Object) -> datetime:
    """When it was told last; events of other writers have one of three times."""
    meta = event["metadata"]
    for text in (event.get("lastTimestamp"), event.get("eventTime"), meta.get("creationTimestamp")):
        try:
            at = datetime.fromisoformat(str(text))
        except ValueError:
            continue
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return datetime.min.replace(tzinfo=UTC)


def _role(workload: Workload, status: Status) -> RoleLine:
    canary = workload.role == "canary"
    evidence = _evidence(status)
    body = workload.body
    counted = evidence is not None and status.run is not None
    return RoleLine(
        role=workload.role,
        workload=f"{body.get('kind', '')}/{workload.name}" if body is not None else workload.name,
        images=_images(body, workload.pods),
        ready=_ready(workload),
        wanted=_wanted(body),
        restarts=sum(_restarts(workload.pods)),
        share=status.canary_weight if canary else 100 - status.canary_weight,
        requests=_of(evidence, "requests", canary=canary) if counted else None,
        bad=_of(evidence, "bad", canary=canary) if counted else None,
        troubles=tuple(_troubles(workload.pods))[:MOST_TROUBLES],
    )


def _evidence(status: Status) -> Evidence | None:
    """The numbers of the window that was judged last, from a check that counted requests."""
    counted = [each for each in status.checks if each.evidence is not None and each.window]
    return max(counted, key=lambda check: check.end).evidence if counted else None


def _of(evidence: Evidence | None, what: str, *, canary: bool) -> float | None:
    return getattr(evidence, f"{'canary' if canary else 'primary'}_{what}") if evidence is not None else None


def _images(body: Object | None, pods: tuple[Object, ...]) -> tuple[str, ...]:
    """The images that the workload asks for, without sidecars that were injected; those of a pod without one."""
    spec: Any = (body or {}).get("spec") or {}
    source = spec.get("template") or (pods[0] if pods else {})
    containers = (source.get("spec") or {}).get("containers") or ()
    return tuple(str(each.get("image", "")) for each in containers)


def _ready(workload: Workload) -> int | None:
    if workload.pods:
        return sum(map(is_ready, workload.pods))
    if workload.body is None:
        return None
    status: Any = workload.body.get("status") or {}
    return int(status.get("readyReplicas") or status.get("numberReady") or 0)


def _wanted(body: Object | None) -> int | None:
    if body is None:
        return None
    spec, status = body.get("spec") or {}, body.get("status") or {}
    wanted = spec.get("replicas", status.get("desiredNumberScheduled"))
    return int(wanted) if wanted is not None else None


def _restarts(pods: Iterable[Object]) -> Iterator[int]:
    for pod in pods:
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            yield int(container.get("restartCount") or 0)


def _troubles(pods: Iterable[Object]) -> Iterator[str]:
    for pod in pods:
        problem = trouble((pod,))
        if problem is not None:
            yield problem.message


def _check(check: Check) -> CheckLine:
    return CheckLine(
        name=check.name,
        outcome=check.outcome.value if check.window else "",
        value=check.value,
        unit=UNITS.get(check.name, ""),
        limit=check.limit,
        recent=check.recent,
        window=check.window,
        end=check.end if check.window else None,
        fails=check.fails,
        dry_run=check.dry_run,
        message=check.message,
    )


def _conditions(status: Status) -> Iterator[ConditionLine]:
    """Those that are not as they should be; Unknown is no news between runs."""
    for each in status.conditions:
        good = _GOOD.get(each.type, "False")
        if each.type in _SAID_ELSEWHERE or each.status in (good, "Unknown"):
            continue
        yield ConditionLine(type=each.type, reason=each.reason, message=each.message, since=each.last_transition_time)
