"""What is asked of Prometheus about Istio's standard metrics, as pure builders of PromQL.

The heart is `increase`: how much a counter grew in a window. PromQL's own increase() takes the first sample *inside*
the window as its start and extrapolates, so it loses the first error of a new pod, which is exactly the one that a
canary shows first. Here the start is the last sample *before* the window, and a series that did not exist then
starts at 0; so disjoint windows add up to what the counter says.

Label meanings: Istio, "Standard Metrics". reporter="destination" is the server proxy's view, one sample per attempt
that reached a pod; reporter="source" the client proxy's, which also sees what reached nobody.
"""

from collections.abc import Mapping
from types import MappingProxyType

from metrics.matchers import Matchers
from metrics.spec import Subject, Window

REQUESTS = "istio_requests_total"
DURATION_BUCKETS = "istio_request_duration_milliseconds_bucket"

UNREACHED = "(.*,)?(UF|UH|UO|NC|NR|LH)(,.*)?"
"""Envoy's response flags of what met no pod: connection failed, no healthy endpoint, circuit breaker open, no such
cluster, no route, failed health check. UC, UR and UT are not among them: a pod had the request and gave no answer."""

ANSWERED = MappingProxyType({"response_code!~": "0|101", "grpc_response_status!=": "1"})
"""Requests whose duration says something about the server."""

REMEMBERED = "1h"
"""How long a series that went quiet is still known: long enough that a pod that was not scraped for some minutes is
not taken for a new one, whose whole count would then fall into one window."""


def by_answer(subject: Subject, window: Window) -> str:
    """Requests to the pods of both roles, by role (`role_label`), response_code and grpc_response_status.

    One question for all that is told of them, because counters are what costs. Istio sets grpc_response_status only
    where request_protocol is grpc, whose failures come with HTTP 200.
    """
    names = "|".join(literal(name) for name in role_names(subject))
    if subject.by_service:
        where = {"reporter=": "source", "destination_service_namespace=": subject.namespace}
    else:
        where = {"reporter=": "destination", "destination_workload_namespace=": subject.namespace}
    grown = increase(subject, REQUESTS, {**where, f"{role_label(subject)}=~": names}, window)
    return f"sum by ({role_label(subject)}, response_code, grpc_response_status) ({grown})"


def role_label(subject: Subject) -> str:
    """The label that tells the roles: whose pod, or of a subject known by its services to whom it was sent."""
    return "destination_service_name" if subject.by_service else "destination_workload"


def role_names(subject: Subject) -> tuple[str, str]:
    """What `role_label` is of the (canary, primary)."""
    if subject.by_service:
        return subject.canary_service, subject.primary_service
    return subject.target, subject.primary


def reachability(subject: Subject, window: Window) -> str:
    """Percent of the requests that callers sent to the canary service and that met a pod, 0..100; no value without any.

    Only callers see this, so it is asked of their proxies, by service: the workload is "unknown" where no pod was met.
    What a retry healed is a request that met a pod.
    """
    every = {"reporter=": "source", **to_services(subject, subject.canary_service), "response_code!=": "0"}
    met = {**every, "response_flags!~": UNREACHED}
    return percent(increase(subject, REQUESTS, met, window), increase(subject, REQUESTS, every, window))


def count(subject: Subject, window: Window) -> str:
    """Requests that reached the target's pods; 0 without any, no value if Prometheus scraped nothing in the window."""
    looking = f"count(last_over_time({within(selector('up', {}, subject.matchers), window)}))"
    return f"{reached(subject, subject.target, window)} or 0 * {looking}"


def duration_p99(subject: Subject, window: Window) -> str:
    """The 99th percentile of the time that the target's pods took per request, in milliseconds.

    Upgraded connections (code 101) last as long as their user stays and what callers gave up (code 0, gRPC status 1, as
    most streams end) as long as their patience, so these are left out. Interpolated within a bucket, as
    histogram_quantile does.
    """
    answered = {**_pods(subject, subject.target), **ANSWERED}
    grown = increase(subject, DURATION_BUCKETS, answered, window)
    return f"histogram_quantile(0.99, sum by (le) ({grown}))"


def percent(part: str, whole: str) -> str:
    """PromQL for how many percent the sum of `part` is of that of `whole`; no value if that is nothing."""
    return f"100 * (sum({part}) or vector(0)) / (sum({whole}) > 0)"


def reached(subject: Subject, workload: str, window: Window) -> str:
    """Requests that reached a pod of `workload`, whatever came of them."""
    return f"sum({increase(subject, REQUESTS, _pods(subject, workload), window)})"


def sent(subject: Subject, window: Window) -> str:
    """Requests that callers sent towards any of the subject's services, reached or not.

    Keyed by service, because the workload is "unknown" where no pod was reached.
    """
    services = (subject.apex_service, subject.primary_service, subject.canary_service)
    labels = {"reporter=": "source", **to_services(subject, *services)}
    return f"sum({increase(subject, REQUESTS, labels, window)})"


def canary_by_workload(subject: Subject, window: Window) -> str:
    """Requests to the target's pods, as whichever proxy saw more of them says; whose pods they are, a subject known by
    its services does not say.
    """
    if subject.by_service:
        return canary_by_service(subject, window)
    labels = {"destination_workload_namespace=": subject.namespace, "destination_workload=": subject.target}
    return f"max(sum by (reporter) ({increase(subject, REQUESTS, labels, window)}))"


def canary_by_service(subject: Subject, window: Window) -> str:
    """Requests to the canary service, reached or not, as whichever proxy saw more of them says."""
    labels = to_services(subject, subject.canary_service)
    return f"max(sum by (reporter) ({increase(subject, REQUESTS, labels, window)}))"


def went_dark(subject: Subject, window: Window) -> str:
    """A value if Prometheus knew requests of the namespace before the window and has no sample of any in it: then
    "none" would mean that nobody looked.
    """
    known = selector(REQUESTS, {"destination_workload_namespace=": subject.namespace}, subject.matchers)
    before = f"last_over_time({known}[{REMEMBERED}]{offset(window, window.seconds)})"
    return f"count({before}) unless count(last_over_time({within(known, window)}))"


def increase(subject: Subject, metric: str, labels: Mapping[str, str], window: Window) -> str:
    """PromQL for how much each counter of the metric with `labels` (as of `selector`) grew in the window, from the last
    sample before it.

    A counter that is lower than before the window was reset meanwhile and counts from 0, as one that is new does;
    new is believed only if Prometheus was scraping at all when the window began (there are `up` series), because
    after a loss of its data everything looks new. What can't be told that way (several lives within one window, a
    Prometheus that has just started) is left to PromQL's own increase().
    """
    return grown(selector(metric, labels, subject.matchers), window, subject.matchers)


def grown(series: str, window: Window, matchers: Matchers = ()) -> str:
    """What `increase` says, of a selector; `matchers` are for `up` alone."""
    scraped = selector("up", {}, matchers)
    ranged, start = within(series, window), offset(window, window.seconds)
    last = f"last_over_time({ranged})"
    before = f"last_over_time({series}[{REMEMBERED}]{start})"
    # Brackets only where PromQL's precedence needs them: a query for many holds this a hundred times.
    base = f"({before} <= {last} or 0 * {last} and on () count({scraped}{start}) > 0)"
    return f"{last} - {base} unless resets({ranged}) > 0 or increase({ranged})"


def within(series: str, window: Window) -> str:
    """The range selector of a window."""
    return f"{series}[{duration(window.seconds)}]{offset(window, 0.0)}"


def offset(window: Window, seconds: float) -> str:
    """What leads from the moment of evaluation to so many seconds before the window's own; "" for no way at all."""
    back = (max(1, round(seconds * 1000)) if seconds > 0 else 0) + window.later_ms
    return f" offset {duration(back / 1000)}" if back else ""


def selector(metric: str, labels: Mapping[str, str], matchers: Matchers = ()) -> str:
    """A PromQL selector; the keys of `labels` end with their operator, the values are escaped. `matchers` are those of
    the subject, which every selector of a builtin query has to have.
    """
    pairs = (*labels.items(), *matchers)
    return metric + "{" + ", ".join(f'{key}"{escape(value)}"' for key, value in pairs) + "}" if pairs else metric


def escape(value: str) -> str:
    """`value` as the inside of a double-quoted PromQL string."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def duration(seconds: float) -> str:
    """A PromQL duration, to the millisecond and never 0."""
    milliseconds = max(1, round(seconds * 1000))
    whole, rest = divmod(milliseconds, 1000)
    return f"{milliseconds}ms" if rest else f"{whole}s"


def _pods(subject: Subject, workload: str) -> dict[str, str]:
    """Requests that reached the workload; of a subject known by its services, those that callers sent to the role."""
    if subject.by_service:
        role = subject.canary_service if workload == subject.target else subject.primary_service
        return {"reporter=": "source", **to_services(subject, role)}
    return {
        "reporter=": "destination",
        "destination_workload_namespace=": subject.namespace,
        "destination_workload=": workload,
    }


def to_services(subject: Subject, *names: str) -> dict[str, str]:
    """Exact names: whatever in them has a meaning in a regular expression is taken literally."""
    labels = {"destination_service_namespace=": subject.namespace}
    if len(names) == 1:
        return {**labels, "destination_service_name=": names[0]}
    return {**labels, "destination_service_name=~": "|".join(literal(name) for name in names)}


def literal(name: str) -> str:
    """A name as a regular expression of RE2 that matches only it."""
    return "".join(each if each.isalnum() or each in "-_" else _LITERAL.get(each, f"[{each}]") for each in name)


_LITERAL = {"\\": "\\\\", "^": "\\^"}
"""What means something in a class of characters too."""
