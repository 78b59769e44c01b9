"""What somebody can do about a reason. One sentence each; "" where nothing needs to be done.

Reasons that carry their way out in their own message (preflight's, those of an invalid spec) are not repeated here.
"""

from collections.abc import Mapping

ADVICE: Mapping[str, str] = {
    "Analysing": "nothing; or hold it with spec.paused",
    "WarmingUp": "nothing; warmupSeconds of the metrics says how long",
    "Settling": "nothing; spec.traffic.settleSeconds says how long",
    "ScalingUp": "look at the canary's pods if they do not become ready",
    "Paused": "clear spec.paused",
    "Suspended": "clear spec.suspend",
    "ManualOverride": "set spec.paused and clear it to go on, or release a new revision",
    "GateClosed": "open the gate, or put the promoted version back on the target to cancel the run",
    "Contested": "find the other writer, named above, and keep it from writing these fields",
    "CheckFailed": "release a fixed version; the same one is not tried again",
    "Inconclusive": "send more requests to the canary, or see analysis.onInconclusive",
    "NoData": "see whether the metric's query answers anything for the canary; onNoData says what becomes of the step",
    "MetricsUnavailable": "see whether Prometheus answers and the query is right; the weight is held until then",
    "MetricsUnresolved": "mend the MetricTemplate that the condition names",
    "CanaryUnreachable": "see whether the canary's Service selects its pods and clients are in the mesh",
    "CanaryNotReady": "look at the canary's pods: kubectl describe pods",
    "CanaryLacksCapacity": "give the canary more pods or nodes, or see spec.traffic.capacityCheck",
    "PrimaryLacksCapacity": "give the primary more pods or nodes",
    "PrimaryNotReady": "look at the primary's pods; users stay where they are safe",
    "PodHealth": "read the log of the pod that is named (kubectl logs --previous) and release a fixed version",
    "ProgressDeadlineExceeded": "see why pods do not become ready; spec.progressDeadlineSeconds is how long they have",
    "MaxDurationExceeded": "send more requests to the canary, or see analysis.maxDurationSeconds",
    "PromotionFailed": "release a fixed version: it is copied to the primary without analysis",
    "TargetDeleted": "nothing; a target of the same name starts a new run",
    "TargetNotFound": "create the target that spec.targetRef names",
    "TargetNotReady": "look at the target's pods",
    "StaleCache": "see whether the controller can reach the API server; weights do not rise until then",
    "ClusterUnavailable": "see whether the controller can reach the API server",
    "NotYetActedOn": "take the fields out that the condition names",
    "NotConverged": "see the controller's permissions and log; it tries again",
}


def advice(reason: str) -> str:
    """What to do about a reason; "" where there is nothing, or where its message says it."""
    return ADVICE.get(reason, "")
