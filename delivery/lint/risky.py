"""Policies that are allowed and go wrong: most often because of what Istio, Prometheus or few requests make of them."""

from bisect import bisect_left
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from delivery.lint.case import Case, Rule
from delivery.lint.finding import Mistake, Severity
from metrics.spec import DURATION, SUCCESS_RATE

SCRAPES = 4
"""A window needs so many scrapes: the first and the last are lost to its edges, and one may fail."""
EDGES = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000)
"""Milliseconds at which Istio's proxies cut istio_request_duration_milliseconds into buckets (Envoy's defaults)."""
LARGE_STEP = 50
"""A first share of users, in percent, above which most of them meet a version of which nothing is known."""
SMALL_STEP = 20
"""A last share of users, in percent, below which a promotion multiplies the new version's load by more than five."""
SHORT_DEADLINE = 60


def _one_strike(case: Case) -> Iterator[Mistake]:
    """One bad window of few requests ends a release."""
    judged = [metric for _, metric in case.metrics if metric.name == SUCCESS_RATE and not metric.has_its_own]
    alone = [each for each in judged if not each.min_samples and each.compare_with_primary is None]
    for_itself = all(each.failure_limit is not None or each.consecutive_failures is not None for each in alone)
    if case.gives("analysis", "threshold") and case.analysis.threshold <= 1 and alone and not for_itself:
        yield Mistake(
            rule="one-strike",
            path=("spec", "analysis", "threshold"),
            message="one failed window rolls back, and with few requests one failed request fails it; raise it, or "
            "give the metric minSamples or compareWithPrimary",
        )


def _short_windows(case: Case) -> Iterator[Mistake]:
    """Windows with too few scrapes to count anything in."""
    least = SCRAPES * case.scrape_seconds
    places = {metric.name: index for index, metric in case.metrics}
    for check in case.rollout.checks:
        if check.window_seconds >= least:
            continue
        index = places.get(check.name)
        metric = ("spec", "analysis", "metrics", index, "interval") if index is not None else ()
        path = metric if metric and case.document.has(*metric) else ("spec", "analysis", "interval")
        yield Mistake(
            rule="short-window",
            path=path,
            message=f"a window of {check.name} lasts {check.window_seconds:g} s, fewer than {SCRAPES} scrapes of "
            f"{case.scrape_seconds:g} s: counts come from too few samples; give at least {least:g} s",
        )


def _hashing(case: Case) -> Iterator[Mistake]:
    """Weights beside a hash of who is asking."""
    policy = case.canary.spec.service.traffic_policy
    balancer = policy.load_balancer if policy is not None else None
    weighted = any(0 < step.traffic.canary < 100 for step in case.plan.steps)
    if balancer is not None and balancer.consistent_hash is not None and weighted:
        yield Mistake(
            rule="hash-with-weights",
            path=("spec", "service", "trafficPolicy", "loadBalancer", "consistentHash"),
            message="the version is drawn for each request before anything is hashed, so that a user goes to and fro "
            "between versions; use analysis.sessionAffinity to keep users with one",
        )


def _buckets(case: Case) -> Iterator[Mistake]:
    """A limit where the histogram knows nothing."""
    for index, metric in case.metrics:
        high = metric.limits()[1]
        if metric.name != DURATION or metric.has_its_own or not high or high in EDGES:
            continue
        place = bisect_left(EDGES, high)
        near = " and ".join(f"{edge:g}" for edge in EDGES[max(0, place - 1) : place + 1])
        name = "thresholdRange" if metric.threshold_range is not None else "threshold"
        yield Mistake(
            rule="off-bucket",
            path=("spec", "analysis", "metrics", index, name),
            message=f"given {high:g} ms, which is no edge of Istio's buckets: a quantile between edges is a guess; the "
            f"nearest are {near}",
        )


def _unmeasured(case: Case) -> Iterator[Mistake]:
    """Releases that nothing can stop."""
    spec, analysis = case.canary.spec, case.analysis
    if spec.skip_analysis or analysis.webhooks or (spec.service.is_tcp and not case.gives("analysis", "metrics")):
        return  # of connections no builtin metric knows whether they succeeded
    if not analysis.metrics:
        message = "nothing is measured: every version whose pods are ready is promoted"
        yield Mistake(rule="nothing-decides", path=("spec", "analysis"), message=message)
    elif all(metric.dry_run for metric in analysis.metrics):
        message = "every metric is a dry run: every version whose pods are ready is promoted"
        yield Mistake(rule="nothing-decides", path=("spec", "analysis", "metrics"), message=message)


def _proceeds(case: Case) -> Iterator[Mistake]:
    """Going on without knowing."""
    if case.analysis.on_inconclusive == "proceed":
        yield Mistake(
            rule="proceeds-unknown",
            path=("spec", "analysis", "onInconclusive"),
            message="a step of which too little is known counts as passed; threshold or hold are safer",
        )
    for index, metric in case.metrics:
        if metric.on_no_data == "proceed":
            yield Mistake(
                rule="proceeds-unknown",
                path=("spec", "analysis", "metrics", index, "onNoData"),
                message=f"a step without data of {metric.name} counts as passed, even of a canary nobody reaches",
            )


def _steps(case: Case) -> Iterator[Mistake]:
    """A first share that is large, or a last one that is small."""
    shares = [step.traffic.canary for step in case.plan.steps if 0 < step.traffic.canary < 100]
    field = "stepWeights" if case.analysis.step_weights else "stepWeight"
    if not shares or not case.gives("analysis", field) or case.analysis.match:
        return
    if shares[0] > LARGE_STEP:
        yield Mistake(
            rule="large-first-step",
            path=("spec", "analysis", field),
            message=f"the first users of a version of which nothing is known are {shares[0]} % of all; begin with less",
        )
    if shares[-1] < SMALL_STEP and not case.canary.spec.promotion.bake_seconds:
        yield Mistake(
            rule="small-last-step",
            path=("spec", "analysis", field),
            message=f"the last step is {shares[-1]} %, and the promotion takes the version to 100 % at once; add "
            "steps, or promotion.bakeSeconds",
        )


def _care(case: Case) -> Iterator[Mistake]:
    """Safety that was switched off."""
    spec = case.canary.spec
    if not spec.traffic.capacity_check:
        yield Mistake(
            rule="no-capacity-check",
            path=("spec", "traffic", "capacityCheck"),
            message="weights rise whether or not pods can carry them; use it only where pods cannot be seen",
        )
    if spec.progress_deadline_seconds < SHORT_DEADLINE:
        yield Mistake(
            rule="short-deadline",
            path=("spec", "progressDeadlineSeconds"),
            message=f"given {spec.progress_deadline_seconds}, in which an image is hardly pulled: healthy releases are "
            "rolled back",
        )


def _hooks(case: Case) -> Iterator[Mistake]:
    """Hooks that cannot be called, or not be trusted."""
    for index, hook in enumerate(case.analysis.webhooks):
        path = ("spec", "analysis", "webhooks", index)
        if hook.disable_tls:
            yield Mistake(
                rule="unchecked-certificate",
                path=(*path, "disableTLS"),
                message="whoever answers is believed; give the authority of its certificate instead",
            )
        if _is_local(urlsplit(hook.url).hostname or ""):
            yield Mistake(
                rule="refused-address",
                path=(*path, "url"),
                message="the controller refuses its own loopback and link-local addresses; name a Service",
                severity=Severity.ERROR,
            )


def _is_local(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_link_local or address.is_unspecified


RULES: tuple[Rule, ...] = (
    _one_strike,
    _short_windows,
    _hashing,
    _buckets,
    _unmeasured,
    _proceeds,
    _steps,
    _care,
    _hooks,
)
