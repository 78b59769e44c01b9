"""What the state machine needs to know of a Canary: numbers and switches, already validated and defaulted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """A metric as the state machine sees it: a name and the length of its windows in seconds.

    `judge` names the judge that learns over the windows of a run, with its settings, in few words; "" if it learns
    nothing. What was learned under another name is forgotten.
    """

    name: str
    window_seconds: float
    judge: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How traffic rises. Weights are percent of requests, 0..100 and rising.

    At most one of `iterations`, `step_weight` (with `max_weight`) and `step_weights` is set. `mirror` is the percent
    of requests that are copied to the canary before it gets any. `matched`: only requests that the analysis matches
    meet the canary. `affinity`: cookies keep users with the version that served them. `testers`: some requests always
    reach the canary. `all_or_nothing`: routes cannot split traffic. `step_weight_promotion` is by how much the
    primary's weight rises after the promotion, 0 for all at once.
    """

    interval_seconds: float = 60.0
    threshold: int = 5
    step_weights: tuple[int, ...] = ()
    step_weight: int = 0
    max_weight: int = 100
    step_weight_promotion: int = 0
    iterations: int = 0
    mirror: int = 0
    matched: bool = False
    affinity: bool = False
    testers: bool = False
    all_or_nothing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSpec:
    """A Canary's spec as the rollout acts on it.

    All durations are seconds; ready percentages are 0..100 of the role's wanted pods. `not_acted_on` names the
    fields that are accepted but do nothing yet; `blocking` those among them without which no run may start.
    `misplaced` are sentences about fields for other providers, `misplaced_blocking` those that stop a run.
    `everybody_routed` is False when not all requests can meet the canary, so that its absence proves nothing.
    `bake_seconds` is how long everybody is on the new version before the old one is given up.
    `keep_previous_seconds` is how long the previous version may serve again without having been analysed once more.
    `shares_pods`: a promotion brings the primary no pods of its own, it takes over the canary's. `told_by_pods`: who
    asks a role is counted by the role's pods, so that after such a promotion nobody can tell the two apart.
    `versions_stay`: a role's pods are there for ever, so that a deleted Canary leaves its users with who serves them.
    `revert_on_deletion`: a deletion leaves everything as it was before the Canary.
    """

    name: str
    namespace: str
    generation: int = 0
    analysis: Analysis = Analysis()
    checks: tuple[CheckSpec, ...] = ()
    skip_analysis: bool = False
    suspend: bool = False
    paused: bool = False
    progress_deadline_seconds: float = 600.0
    primary_ready_percent: int = 100
    canary_ready_percent: int = 100
    settle_seconds: float = 10.0
    drain_seconds: float = 30.0
    drain_max_seconds: float = 300.0
    capacity_check: bool = True
    scrape_interval_seconds: float = 15.0
    everybody_routed: bool = True
    bake_seconds: float = 0.0
    revert_on_deletion: bool = False
    not_acted_on: tuple[str, ...] = ()
    blocking: tuple[str, ...] = ()
    shares_pods: bool = False
    told_by_pods: bool = False
    versions_stay: bool = False
    keep_previous_seconds: float = 0.0
    misplaced: tuple[str, ...] = ()
    misplaced_blocking: tuple[str, ...] = ()
