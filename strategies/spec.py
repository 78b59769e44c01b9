"""What the state machine needs to know of a Canary: numbers and switches, already validated and defaulted."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from strategies.gates import GateKind, HookType


class Policy(StrEnum):
    """What becomes of a step whose time is over and of which nothing certain can be said."""

    HOLD = "hold"  # it waits for windows that tell
    PROCEED = "proceed"  # it counts as passed
    ROLLBACK = "rollback"  # the run ends
    THRESHOLD = "threshold"  # the metric is judged by its limits alone, over the whole step


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """A metric as the state machine sees it: a name, the length of its windows in seconds, and its own rules.

    `judge` names the judge that learns over the windows of a run, with its settings, in few words; "" if it learns
    nothing. What was learned under another name is forgotten.

    `failure_limit` windows of it may fail (0 or more), and fewer than `consecutive_failures` in a row (1 or more); with
    either, its failures do not count toward the analysis' threshold. More than `error_limit` windows in a row that
    could not be measured end the run; None is without limit. `on_no_data` is for a step in whose last window there was
    nothing to measure. `dry_run`: judged and shown, and decides nothing. The first window of a run opens
    `initial_delay_seconds` late; windows in which a pod of the canary has been ready for less than `warmup_seconds`
    are left out.
    """

    name: str
    window_seconds: float
    judge: str = ""
    failure_limit: int | None = None
    consecutive_failures: int | None = None
    error_limit: int | None = None
    on_no_data: Policy = Policy.HOLD
    dry_run: bool = False
    initial_delay_seconds: float = 0.0
    warmup_seconds: float = 0.0

    @property
    def counts_for_itself(self) -> bool:
        """Are its failures counted by its own rules, and not toward the analysis' threshold?"""
        return self.failure_limit is not None or self.consecutive_failures is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSpec:
    """A webhook as the state machine sees it.

    `name` is unique among the Canary's. `patience_seconds` is how long one asking may take, repeats included.
    `muted`: alert services are not told while it keeps a gate closed.
    """

    name: str
    type: HookType
    patience_seconds: float = 20.0
    muted: bool = False

    @property
    def mark(self) -> str:
        """The name in six characters, for lists that must stay short."""
        return sha256(self.name.encode()).hexdigest()[:6]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How traffic rises. Weights are percent of requests, 0..100 and rising.

    At most one of `iterations`, `step_weight` (with `max_weight`) and `step_weights` is set. `mirror` is the percent
    of requests that are copied to the canary before it gets any. `matched`: only requests that the analysis matches
    meet the canary. `affinity`: cookies keep users with the version that served them. `testers`: some requests always
    reach the canary. `all_or_nothing`: routes cannot split traffic. `step_weight_promotion` is by how much the
    primary's weight rises after the promotion, 0 for all at once. Requests of both roles are counted every
    `check_interval_seconds` (None: every interval). `on_inconclusive` is for a step at whose end a metric had too few
    requests to tell; `max_duration_seconds` how long a run may be measured without coming to an end (None: a day, or
    twice the plan's own time if that is longer).
    """

    interval_seconds: float = 60.0
    check_interval_seconds: float | None = None
    on_inconclusive: Policy = Policy.THRESHOLD
    max_duration_seconds: float | None = None
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

    @property
    def window_seconds(self) -> float:
        """The length of the windows in which requests are counted."""
        return self.interval_seconds if self.check_interval_seconds is None else self.check_interval_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSpec:
    """A gate that people open. `timeout_seconds` is how long it waits for them (None: for ever)."""

    name: str
    before: GateKind
    timeout_seconds: float | None = None
    on_timeout: Policy = Policy.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRules:
    """What a rollout window is for: the start of runs, with `increases` also each step and the promotion; and what
    becomes of a run over which it closes.
    """

    increases: bool = False
    on_close: Policy = Policy.PROCEED


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
    `ignore_windows` is the one revision that may go out at any time.
    `revert_on_deletion`: a deletion leaves everything as it was before the Canary.
    `observe`: somebody else moves traffic; what would be done is only said.
    """

    name: str
    namespace: str
    generation: int = 0
    analysis: Analysis = Analysis()
    checks: tuple[CheckSpec, ...] = ()
    hooks: tuple[HookSpec, ...] = ()
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
    observe: bool = False
    not_acted_on: tuple[str, ...] = ()
    blocking: tuple[str, ...] = ()
    shares_pods: bool = False
    told_by_pods: bool = False
    versions_stay: bool = False
    keep_previous_seconds: float = 0.0
    misplaced: tuple[str, ...] = ()
    misplaced_blocking: tuple[str, ...] = ()
    gates: tuple[GateSpec, ...] = ()
    windows: WindowRules | None = None
    ignore_windows: str = ""
