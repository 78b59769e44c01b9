"""What somebody can do about a reason: one plain sentence each, with the command where one helps.

Every reason is in one of three places: it has its advice here, its own message says the way out with the objects'
names, or there is a ground on which nobody has to do anything. A test holds that none is in no place or in two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from delivery.cluster.objects import Object
from strategies.reasons import Reason, Refusals, Unusable

_RETRY = "or try the same one again: `kubectl delivery retry {it}`"
_EDIT = "`kubectl -n {namespace} edit pdc {name}`"
_PODS = "`kubectl -n {namespace} get pods`"
_DESCRIBE = "`kubectl -n {namespace} describe {target}`"

ADVICE: Mapping[Reason, str] = {
    "Analysing": "nothing; to hold it where it is: `kubectl delivery pause {it}`",
    "WarmingUp": "nothing; warmupSeconds of the metrics says how long",
    "Settling": "nothing; spec.traffic.settleSeconds says how long",
    "ScalingUp": f"look at the canary's pods if they do not become ready: {_DESCRIBE}",
    "WaitingPromotion": "nothing; the primary gets the new version when enough pods are ready",
    "PrimaryUnknown": "see whether the target has the version that served users; if not: "
    "`kubectl -n {namespace} rollout undo {target}`",
    "Paused": "clear spec.paused, or end a pause that was commanded: `kubectl delivery resume {it}`",
    "PausedByHand": "let it go on: `kubectl delivery resume {it}`",
    "Suspended": "clear spec.suspend: " + _EDIT,
    "ManualOverride": "let the controller move the weight again: `kubectl delivery resume {it}`, or release anew",
    "GateClosed": "open the gate: `kubectl delivery approve {it} --gate NAME --reason TEXT`, or refuse what goes out: "
    "`kubectl delivery deny {it} --gate NAME --reason TEXT`; a webhook's gate is opened by its service",
    "Frozen": "wait until it ends, or end it: `kubectl delivery unfreeze`, for a Freeze of this namespace alone "
    "`kubectl delivery unfreeze -n {namespace}`",
    "PreRollout": "nothing while tests run; else see what the webhook says that is named; it is asked again by itself",
    "HooksUnavailable": "see whether the service answers to which the webhook leads that is named; the weight is held "
    "until then; to give the run up: `kubectl delivery abort {it}`",
    "Inconclusive": "send more requests to the canary, or see analysis.onInconclusive; to decide it yourself: "
    "`kubectl delivery promote {it}` or `kubectl delivery abort {it}`",
    "NoData": "see whether the metric's query answers anything for the canary; onNoData says what becomes of the step",
    "MetricsUnavailable": "see whether Prometheus answers and the query is right; the weight is held until then",
    "CanaryNotReady": f"look at the canary's pods: {_DESCRIBE}",
    "CanaryLacksCapacity": "give the canary more pods or nodes, or see spec.traffic.capacityCheck: " + _PODS,
    "PrimaryLacksCapacity": "give the primary more pods or nodes: " + _PODS,
    "PrimaryNotReady": "look at the primary's pods; users stay where they are safe: " + _PODS,
    "PreviousNotReady": "look at the pods of the version to which users go back: " + _PODS,
    "TargetNotReady": f"look at the target's pods: {_DESCRIBE}",
    "TargetNotFound": "create the target that spec.targetRef names: `kubectl -n {namespace} get {target}`",
    "StaleCache": "see whether the controller can reach the API server; weights do not rise until then",
    "CheckFailed": f"release a fixed version, {_RETRY}",
    "CanaryUnreachable": "see whether the canary's Service selects its pods and clients are in the mesh: "
    "`kubectl -n {namespace} get endpointslices`",
    "PodHealth": "read the log of the pod that is named: `kubectl -n {namespace} logs POD --previous`, and release a "
    "fixed version",
    "ProgressDeadlineExceeded": f"see why pods do not become ready: {_DESCRIBE}; spec.progressDeadlineSeconds is how "
    "long they have",
    "MaxDurationExceeded": f"send more requests to the canary, or see analysis.maxDurationSeconds, {_RETRY}",
    "RollbackHook": f"ask those who run the webhook that is named; release a fixed version, {_RETRY}",
    "GateDenied": f"ask who denied it, by the reason that they gave; release a fixed version, {_RETRY}",
    "GateTimedOut": "have somebody there in time, or raise the gate's timeoutSeconds; then try it again: "
    "`kubectl delivery retry {it}`",
    "WindowClosed": "nothing; it begins anew when the window opens, and spec.rolloutWindows.onClose says so: " + _EDIT,
    "Aborted": f"release a fixed version, {_RETRY}",
    "PromotionFailed": "release a fixed version: it is copied to the primary without analysis",
    "TargetDeleted": "nothing; a target of the same name starts a new run",
    "WouldRollBack": "nothing is written by a Canary that looks on; tell those who move the traffic",
    "NotConverged": "see the controller's permissions and log; it tries again",
    "PodsUnknown": "let the Service select pods or, if that is meant, set spec.traffic.capacityCheck false: " + _EDIT,
    "FieldsWithoutEffect": "take the fields out that the condition names: " + _EDIT,
    "NotYetActedOn": "take the fields out that the condition names: " + _EDIT,
    "FieldsOfOtherProviders": "take the fields out that the condition names: " + _EDIT,
    "NotForThisProvider": "take the fields out that the condition names: " + _EDIT,
    "Contested": "find the other writer, named above, and keep it from writing these fields",
    "ClusterUnavailable": "see whether the controller can reach the API server",
}  # fmt: skip

TOLD: frozenset[str] = frozenset(
    (*get_args(Refusals), *get_args(Unusable), "WriteDenied", "WriteRefused", "TargetNotPromoted", "OriginalLost",
     "NothingToObserve")
)  # fmt: skip
"""Their own messages say what is wrong with which object, and the way out."""

_BY_ITSELF = "it goes on by itself"
_WELL = "all is well"
_PHASE = "the phase's own name, in the condition Promoted; the reason of the phase says more"
_HISTORY = "it stands in the history, of a run whose place another one took"
_POD = "a Canary says PodHealth or PromotionFailed, with this in the sentence"

NEEDS_NONE: Mapping[Reason, str] = {
    **dict.fromkeys(
        ("Initializing", "Rebuilding", "Renewing", "Promoting", "Finalising", "Draining", "Healing", "GoingBack",
         "Retrying", "RunInProgress", "NoRoutes", "Deleted", "Reverting"), _BY_ITSELF),
    **dict.fromkeys(
        ("Initialized", "Promoted", "HealedWithoutAnalysis", "PromotionRecovered", "RevertedToPromoted", "Observing",
         "Watching", "WouldPromote", "ObservedPromotion", "ObservedRollback", "ObservedEnd", "Synced", "NoAnalysis",
         "Measuring"), _WELL),
    **dict.fromkeys(("Waiting", "Progressing", "Succeeded", "Failed", "Terminating"), _PHASE),
    **dict.fromkeys(("NewerRevision", "RestartedByHand", "Undecided"), _HISTORY),
    **dict.fromkeys(
        ("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "ImageInspectError",
         "InvalidImageName", "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "OOMKilled",
         "Restarting"), _POD),
}  # fmt: skip
"""The ground on which nobody has to do anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What commands name: the Canary, its namespace, and its target as kubectl does (`deployment/reviews`)."""

    name: str
    namespace: str
    target: str

    @classmethod
    def of(cls, canary: Object) -> "Place":
        """The place of a Canary."""
        meta, spec = canary["metadata"], canary.get("spec") or {}
        target: Any = spec.get("targetRef") or {}
        kind, name = str(target.get("kind") or "Deployment"), str(target.get("name") or meta["name"])
        return cls(name=meta["name"], namespace=meta.get("namespace", ""), target=f"{kind.lower()}/{name}")


def advice(reason: str, message: str, place: Place) -> str:
    """What to do about a reason with its message; "" where there is nothing to do, or where nobody knows the reason."""
    if reason in TOLD:
        return message
    return filled(next((text for known, text in ADVICE.items() if known == reason), ""), place)


def filled(text: str, place: Place) -> str:
    """The sentence with the names of the place."""
    names = {"it": f"{place.name} -n {place.namespace}", "name": place.name, "namespace": place.namespace}
    for word, name in {**names, "target": place.target}.items():
        text = text.replace(f"{{{word}}}", name)
    return text
