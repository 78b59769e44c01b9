"""Every reason that a Canary's phase or one of its conditions can have: one word that says why it stands where it does.

The list is closed and the type checker holds it, so that no reason can be set which nobody has thought about; a test
holds that each has its advice for people, or a ground on which it needs none. Reasons are an interface: scripts wait
for them by name, so none is renamed.
"""

from typing import Literal, get_args

Progress = Literal[
    "Initializing", "Rebuilding", "Initialized", "PrimaryUnknown",
    "Waiting", "Renewing", "ScalingUp", "WarmingUp", "Settling", "Analysing", "Progressing", "WaitingPromotion",
    "Promoting", "Finalising", "Draining", "Promoted", "Succeeded", "Failed", "Terminating",
    "Healing", "HealedWithoutAnalysis", "PromotionRecovered", "GoingBack", "Retrying", "RestartedByHand",
    "NewerRevision", "RevertedToPromoted",
    "Deleted", "Reverting", "TargetNotPromoted", "OriginalLost",
]  # fmt: skip
"""Where a Canary is on its way."""

Holds = Literal[
    "Paused", "PausedByHand", "Suspended", "ManualOverride", "GateClosed", "Frozen", "PreRollout", "HooksUnavailable",
    "Inconclusive", "NoData", "MetricsUnavailable",
    "CanaryNotReady", "CanaryLacksCapacity", "PrimaryLacksCapacity", "PrimaryNotReady", "PreviousNotReady",
    "TargetNotReady", "TargetNotFound", "StaleCache",
]  # fmt: skip
"""What it waits for."""

Ends = Literal[
    "CheckFailed", "CanaryUnreachable", "PodHealth", "ProgressDeadlineExceeded", "MaxDurationExceeded", "RollbackHook",
    "GateDenied", "GateTimedOut", "WindowClosed", "Aborted", "PromotionFailed", "TargetDeleted",
]  # fmt: skip
"""Why a run was rolled back, or a revision not released."""

Looking = Literal[
    "Observing", "Watching", "RunInProgress", "WouldRollBack", "WouldPromote", "Undecided",
    "ObservedPromotion", "ObservedRollback", "ObservedEnd", "NothingToObserve",
]  # fmt: skip
"""Of a Canary whose traffic is somebody else's."""

Standing = Literal[
    "Synced", "NotConverged", "NoRoutes", "NoAnalysis", "Measuring", "PodsUnknown", "FieldsWithoutEffect",
    "FieldsOfOtherProviders", "NotYetActedOn", "NotForThisProvider", "Contested", "WriteDenied", "WriteRefused",
    "ClusterUnavailable",
]  # fmt: skip
"""Of the conditions that are there besides."""

Refusals = Literal[
    "InvalidSpec", "WindowNeverOpens", "ConfigNotFound", "ConfigUnreadable", "NamingIsFixed", "NameTooLong",
    "TargetConflict", "NotOurs", "OwnedByFlagger", "HostConflict", "ApexDestinationRule", "MeshNotInstalled",
    "NoSidecar", "SidecarHidesRoles", "PoliciesUnknown", "PolicyWouldMiss",
    "ServiceUnsupported", "PortNotInService", "PortWithoutName", "HeadlessMismatch", "FieldsNotKept",
    "SelectorUnsupported", "UpdateStrategyUnsupported", "HostPortUnsupported", "VersionsOverlap",
    "AutoscalerNotFound", "AutoscalerOfAnotherTarget", "AutoscalerConflict", "AutoscalerUnsupported",
    "AutoscalerHoldsBack",
    "RouteNotFound", "RouteClaimed", "RouteLeftBehind", "DestinationMissing", "DestinationTwice", "NoShare",
    "ConditionNotCombinable", "MirrorTaken", "CookieTaken", "NeedsHttpRoute", "CoarseWeights",
    "SubsetNotFound", "SubsetAmbiguous", "SubsetSelectsWrongPods", "ApexNotFound", "ApexSelectsOneRole", "LeakingRoute",
]  # fmt: skip
"""What is wrong with a Canary's spec, or with what it meets in the cluster, before it touches anything."""

Unusable = Literal[
    "TemplateNotFound", "TemplateInvalid", "VariableMissing", "CountersMissing",
    "ProviderNotFound", "ProviderInvalid", "AddressInvalid", "AddressRefused", "AddressRedirects", "SlackRefused",
    "TokenInvalid", "TokenRefused", "KeyNotFound", "SecretEmpty", "SecretNotFound", "SecretUnreadable",
    "ConfigMapNotFound", "ConfigMapUnreadable",
]  # fmt: skip
"""Why a metric cannot be measured, or somebody not be told."""

Pods = Literal[
    "CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "ImageInspectError",
    "InvalidImageName", "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "OOMKilled",
    "Restarting",
]  # fmt: skip
"""What is wrong with a pod, the kubelet's names. A Canary says PodHealth of it, or PromotionFailed."""

Reason = Progress | Holds | Ends | Looking | Standing | Refusals | Unusable | Pods
GROUPS = (Progress, Holds, Ends, Looking, Standing, Refusals, Unusable, Pods)
REASONS: frozenset[str] = frozenset(each for group in GROUPS for each in get_args(group))
