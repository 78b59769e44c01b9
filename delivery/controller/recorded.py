"""The status as it is recorded on a Canary, read so that nothing that stands there can stop the loop."""

import structlog

from delivery.api.status import UnreadableStatus, load
from delivery.cluster.objects import Object
from delivery.controller.entry import Entry
from strategies.status import OPEN_PHASES, Status

log = structlog.get_logger(__name__)


def _status(body: Object) -> Status:
    """The recorded status; one that somebody made unreadable counts as lost, and a lost one is rebuilt."""
    try:
        status = load(body.get("status"))
    except UnreadableStatus as error:
        log.warning("status_unreadable", error=str(error))
        return Status()
    if status.run is None and status.phase in OPEN_PHASES:
        log.warning("status_without_run", phase=status.phase.value)
        return Status()
    return status


def recorded_status(entry: Entry, body: Object) -> Status:
    """The recorded status, read anew only when it is another one than last time."""
    recorded = body.get("status")
    if entry.status is None or entry.recorded != recorded:
        entry.status, entry.recorded = _status(body), recorded
    return entry.status


def log_labels(body: Object) -> dict[str, str]:
    """What every line of the log about a Canary says besides its name: the run in progress and its step."""
    status = body.get("status") or {}
    run = status.get("run") or {}
    return {"run": str(run.get("id", "")), "step": str(status.get("step", ""))}
