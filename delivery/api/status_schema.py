"""The schema of a Canary's status, made from the state machine's own values.

Those values know nothing of CRDs, so their descriptions stand here. Besides what we write, the schema has Flagger's
fields that tools print.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from delivery.api.schema import Schema, structural
from strategies.status import Status

_TOP = {
    "version": "Version of this status' layout; a controller only reads one newer than its own.",
    "observedGeneration": "Generation of the spec that was acted on last.",
    "fence": "Epoch of the leader that wrote last.",
    "phase": "Where the Canary stands.",
    "stage": "The part of the phase that is going on; empty when nothing is left to do.",
    "stageSince": "When the stage began.",
    "canaryWeight": "Percent of requests that the routes must give to the canary.",
    "seenWeight": "Percent of requests that the canary had in the last judged window.",
    "step": "The step of the plan, such as 2/4.",
    "revision": "The revision that is being rolled out, or was last.",
    "reason": "Why the Canary stands where it stands, in one word.",
    "message": "The same in one sentence.",
    "failedChecks": "Failed checks of this run.",
    "iterations": "Checks that were done, for A/B tests and blue/green rollouts.",
    "lastAppliedSpec": "Revision of the run that began last.",
    "lastPromotedSpec": "Revision that serves users.",
    "previousSpec": "Revision that served users before, and may do so again at once.",
    "previousUntil": "Until when it may.",
    "lastTransitionTime": "When the phase changed last.",
    "sessionAffinityCookie": "Value of the canary's cookie in the run that is going on.",
    "previousSessionAffinityCookie": "Value of the cookie of the run before; it is taken from who still has it.",
    "run": "The run that is going on.",
    "gates": "Who has opened or refused which gates of the run, or of the revision that waits for one.",
    "waiting": "What the run, or a revision before its run, waits for at closed gates.",
    "farewell": "The webhooks that are still to hear of the end of a run.",
    "checks": "The last judged window of each check.",
    "conditions": "Conditions: Ready, Promoted, TrafficSynced, AnalysisHealthy and what else there is to know.",
    "history": "The runs that ended, newest last.",
    "outbox": "What people are still to be told.",
    "posted": "Messages in alert services that go on being edited.",
}
_RUN = {
    "id": "Name of the run, never used again.",
    "revision": "The revision that is tried.",
    "started": "When the run began.",
    "floor": "Ready pods of the primary when the run began.",
    "step": "Index into the plan; -1 while the canary is scaled up.",
    "stepSince": "When the step began.",
    "windowsFrom": "When the step's first window opens.",
    "spentSeconds": "Seconds of the progress deadline already used.",
    "stuckSince": "Since when the progress deadline runs.",
    "override": "Percent that somebody set by hand in the routes, and that is held.",
    "overridePaused": "Whether the Canary has been paused since.",
    "silentWindows": "Windows in a row in which the canary saw no request.",
    "silentExpected": "Requests that were expected in them.",
    "healing": "Whether a broken primary is being replaced without analysis.",
    "trafficWindow": "Number of the last window in which requests were counted.",
    "trafficEnd": "When that window ended.",
    "renewing": "Pods that began with other ConfigMaps or Secrets have to go before the canary's own begin.",
    "mirror": "Percent of requests that are copied to the canary.",
    "matched": "Whether the weight is for the requests that the analysis matches, and no others.",
    "measuredSeconds": "Length of the windows of this run in which something could be measured.",
    "measuredUntil": "When the last of them ended.",
    "skip": "What of the analysis is not waited for because somebody said so: the rest of the step, or all the rest.",
    "hurried": "Whether somebody said so in this run.",
    "testers": "Whether the canary's pods are ready for those who test.",
    "observed": "With mode observe: how somebody else's run began, and what this Canary would have done with it.",
}
_OBSERVATION = {
    "primary": "What the primary ran when the run began.",
    "met": "Whether users, or copies of their requests, have met the canary.",
    "left": "Since when they meet it no longer.",
    "would": "What this Canary would have done.",
    "at": "When it would have done so.",
    "weight": "Percent of requests that the canary had then.",
    "why": "Why it would have done so, in one sentence.",
    "counts": "The check whose counts say what users went on meeting since.",
    "bad": "Bad requests of the canary that it counted since.",
}
_CHECK = {
    "name": "Name of the metric.",
    "window": "Number of the window within the run, from 1.",
    "end": "When the window ended.",
    "outcome": "pass, fail, inconclusive (too little data) or error (could not be measured).",
    "value": "What was measured, in the metric's unit.",
    "limit": "What is allowed.",
    "message": "What there is to say about it.",
    "passes": "Windows of this step that passed.",
    "judge": "The judge and its settings that the memory belongs to.",
    "memory": "What the judge has learned in the windows of this run.",
    "dryRun": "Whether the check is shown only, and decides nothing.",
    "fails": "Windows of this run that failed.",
    "inRow": "How many of them one after the other, up to now.",
    "errors": "Windows in a row that could not be measured.",
    "resume": "When the next window begins, if the canary's pods have to warm up first.",
    "counted": "Up to when windows have been counted against the run.",
    "recent": "The values of the run's last windows, newest last.",
    "whole": "What the limits alone say of the whole step, if its windows had too few requests to tell.",
}
_EVIDENCE = {
    "canaryRequests": "Requests that the canary answered.",
    "canaryBad": "How many of them were bad: failed, or slower than the edge.",
    "primaryRequests": "Requests that the primary answered.",
    "primaryBad": "How many of them were bad.",
    "strength": "How many times better the counts fit a canary that is worse than the margin allows.",
    "needed": "The strength at which the canary fails.",
    "edge": "Milliseconds over which a request counts as slow; an edge of the histogram's buckets.",
    "missing": "About how many more requests to the canary would show that it is not worse.",
    "load": "Requests of a canary pod for each one of a primary pod.",
    "changedBy": "What would have changed the outcome.",
    "noun": "What was counted, in the plural, where that is something else than requests.",
}
_CONDITION = {
    "type": "What the condition is about.",
    "status": "True, False or Unknown.",
    "reason": "Why, in one word.",
    "message": "Why, in one sentence.",
    "lastTransitionTime": "When the status changed last.",
    "lastUpdateTime": "When the condition was written last.",
    "observedGeneration": "Generation of the spec that it speaks of.",
}
_PAST = {
    "id": "Name of the run.",
    "revision": "The revision that was tried.",
    "started": "When the run began.",
    "ended": "When it ended.",
    "result": "How it ended.",
    "reason": "Why it ended so.",
    "weight": "Percent of requests that the canary had when the run ended.",
    "floor": "Fewest pods of the primary, held until the canary is drained.",
    "gates": "Who opened or refused which of its gates.",
}
_ANNOUNCEMENT = {
    "id": "Name of the announcement, unique for ever.",
    "at": "When it was decided.",
    "reason": "What happened, in one word.",
    "message": "What happened, in one sentence.",
    "warning": "Whether somebody should look.",
    "muted": "Whether it becomes an Event only, and alert services are not told.",
}
_POSTED = {
    "to": "Digest of the destination's name.",
    "run": "The run that they tell of.",
    "word": "How the service finds them again.",
}
_GATE = {
    "gate": "Name of the gate.",
    "of": "The run, if that is not plain; or what a word on a revision that waited for its run had to name.",
    "word": "approved, denied, or what came of it that nobody came in time: proceeded, overdue, expired.",
    "at": "When it was acted on.",
    "by": "Who said it; marked if that is only what they claim.",
    "reason": "Why.",
    "step": "The increase that it is about, from 1; without it, all.",
    "approval": "Name of the Approval.",
}
_FAREWELL = {
    "run": "The run that has ended.",
    "revision": "Its revision.",
    "phase": "How it has ended.",
    "at": "When it ended.",
    "hooks": "Marks of the webhooks, made from their names.",
}
_WAITING = {
    "before": "What the gates stand before.",
    "of": "The run, or before a run its revision.",
    "step": "Index into the plan of the step to come.",
    "since": "When the run came here.",
    "gates": "The gates that are closed; none while they are being asked for the first time.",
    "message": "What opens them.",
    "muted": "Whether alert services are not told.",
}
_ANSWERED = {
    "id": "Name of the command, as given.",
    "verb": "What was to be done; nothing if it could not be read.",
    "by": "Who says that they gave it.",
    "at": "When it was answered.",
    "accepted": "Whether it was carried out.",
    "message": "What it did, or why it was refused.",
    "earlier": "Commands answered before.",
}
_PAUSED = {
    "since": "When it was told to wait.",
    "by": "Who says that they told it.",
    "reason": "Why, in their words.",
}
_INNER: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "run": ("One attempt to bring one revision to all users.", _RUN),
    "command": ("The last command that was given by an annotation, and what became of it.", _ANSWERED),
    "paused": ("Somebody told it to wait, until somebody tells it to go on.", _PAUSED),
    "farewell": ("Who is still to hear of the end of a run.", _FAREWELL),
    "waiting": ("A point that is not passed while gates are closed.", _WAITING),
    "checks": ("The last judged window of one check.", _CHECK),
    "conditions": ("A condition by Kubernetes' conventions.", _CONDITION),
    "history": ("A run that has ended.", _PAST),
    "gates": ("What was said of a gate.", _GATE),
    "outbox": ("Something that people are told once.", _ANNOUNCEMENT),
    "posted": ("A run's messages in one alert service.", _POSTED),
}
_STRING = {"type": "string"}
_FLAGGERS: Mapping[str, Schema] = {
    "trackedConfigs": {
        "description": "Checksums of ConfigMaps and Secrets that the target mounts.",
        "type": "object",
        "additionalProperties": _STRING,
    },
    "primarySessionAffinityCookie": {"description": "Cookie of users who met the primary.", **_STRING},
}


def status_schema() -> Schema:
    """The structural schema of a Canary's status, every field described, without defaults."""
    schema = structural(TypeAdapter(Status).json_schema())
    schema["description"] = "Where the rollout stands; written by the controller."
    properties = schema["properties"]
    for name, (about, fields) in _INNER.items():
        inner = properties[name].get("items", properties[name])
        inner["description"] = about
        if name == "conditions":
            inner["properties"]["lastUpdateTime"] = {"type": "string", "format": "date-time"}
        _describe(inner["properties"], fields)
    observed = properties["run"]["properties"]["observed"]
    observed["description"] = _RUN["observed"]
    _describe(observed["properties"], _OBSERVATION)
    evidence = properties["checks"]["items"]["properties"]["evidence"]
    evidence["description"] = "The numbers behind the outcome, where requests were counted."
    _describe(evidence["properties"], _EVIDENCE)
    past = properties["history"]["items"]["properties"]["gates"]["items"]
    past["description"] = _INNER["gates"][0]
    _describe(past["properties"], _GATE)
    _describe(properties, _TOP)
    properties |= _FLAGGERS
    return schema


def conditions_schema() -> Schema:
    """A status that holds nothing but conditions."""
    conditions = status_schema()["properties"]["conditions"]
    return {"description": "Written by the controller.", "type": "object", "properties": {"conditions": conditions}}


def _describe(properties: dict[str, Any], fields: Mapping[str, str]) -> None:
    """Put the descriptions in. Defaults go: the server must not invent a status."""
    for name, schema in properties.items():
        schema.pop("default", None)
        if name in fields:
            schema["description"] = fields[name]
