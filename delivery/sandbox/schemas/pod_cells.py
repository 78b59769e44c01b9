"""What `kubectl get pods` says of a pod: one word for its state, found in the states of its containers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from delivery.cluster.objects import Object
from delivery.sandbox.schemas.ages import human_duration, parse_time

NONE = "<none>"


def pod(body: Object, now: datetime) -> list[Any]:
    """The cells of a pod, its name apart."""
    spec, status = body.get("spec") or {}, body.get("status") or {}
    containers = status.get("containerStatuses") or ()
    ready = sum(bool(_ready_running(each)) for each in containers)
    starting = _initializing(spec, status)
    counted = status.get("initContainerStatuses") or () if starting else containers
    created = parse_time(body["metadata"].get("creationTimestamp") or "")
    return [
        f"{0 if starting else ready}/{len(spec.get('containers') or ())}",
        _state(body, spec, status, starting),
        _restarts(counted, now),
        human_duration(now - created) if created else "<unknown>",
        *(status.get("podIP") or NONE, spec.get("nodeName") or NONE, status.get("nominatedNodeName") or NONE),
        _gates(spec, status),
    ]


def _state(body: Object, spec: Mapping[str, Any], status: Mapping[str, Any], starting: str) -> str:
    phase = status.get("phase", "")
    if body["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if phase not in ("Succeeded", "Failed"):
            return "Terminating"
    if starting:
        return starting
    said = str(status.get("reason") or phase)
    if not status.get("reason") and _condition(status, "PodScheduled").get("reason") == "SchedulingGated":
        said = "SchedulingGated"
    containers = status.get("containerStatuses") or ()
    for container in reversed(containers):  # what the first container says counts most
        said = _said(container.get("state") or {}) or said
    if said == "Completed" and any(_ready_running(each) for each in containers):
        return "Running" if _condition(status, "Ready").get("status") == "True" else "NotReady"
    return said


def _initializing(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """The state of the init containers while they hold the pod; empty when they do not."""
    if _condition(status, "Initialized").get("status") == "True":
        return ""
    for number, container in enumerate(status.get("initContainerStatuses") or ()):
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if ended and not ended.get("exitCode"):
            continue
        if ended:
            return f"Init:{_said(state)}"
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{number}/{len(spec.get('initContainers') or ())}"
    return ""


def _said(state: Mapping[str, Any]) -> str:
    """What a container that is not running says of itself."""
    if (state.get("waiting") or {}).get("reason"):
        return str(state["waiting"]["reason"])
    ended = state.get("terminated")
    if not ended:
        return ""
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _ready_running(container: Mapping[str, Any]) -> bool:
    return bool(container.get("ready")) and "running" in (container.get("state") or {})


def _restarts(containers: Sequence[Mapping[str, Any]], now: datetime) -> str:
    """How often containers were restarted, and how long ago the last time was."""
    count = sum(container.get("restartCount", 0) for container in containers)
    ends = [((each.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for each in containers]
    moments = [moment for moment in map(parse_time, filter(None, ends)) if moment is not None]
    return f"{count} ({human_duration(now - max(moments))} ago)" if count and moments else str(count)


def _gates(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    gates = spec.get("readinessGates") or ()
    met = sum(_condition(status, gate["conditionType"]).get("status") == "True" for gate in gates)
    return f"{met}/{len(gates)}" if gates else NONE


def _condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    return next((each for each in status.get("conditions") or () if each.get("type") == type_), {})
