"""What is asked of Prometheus where no proxy counts: about requests that the application has counted itself.

The metric and its labels are those that Flagger asks for without a mesh: a histogram of seconds, and the pod's
namespace and name as the usual scraping of annotated pods adds them. An application counts everything that reaches it,
probes and scrapes too, and nothing that does not; so it is believed about its errors and its latency, and not asked who
its callers are, whether they have gone, or what never arrived.
"""

from metrics.queries import increase, selector, within
from metrics.spec import Subject, Window

REQUESTS = "http_request_duration_seconds_count"
DURATION_BUCKETS = "http_request_duration_seconds_bucket"


def answered(subject: Subject, window: Window) -> str:
    """Requests to the target's pods."""
    return f"sum({increase(subject, REQUESTS, _pods(subject), window)})"


def good(subject: Subject, window: Window) -> str:
    """Those of `answered` that did not end with a 5xx."""
    return f"sum({increase(subject, REQUESTS, {**_pods(subject), 'status!~': '5.*'}, window)})"


def count(subject: Subject, window: Window) -> str:
    """Requests that the target's pods have counted, probes too; no value if Prometheus scraped nothing meanwhile."""
    looking = f"count(last_over_time({within(selector('up', {}, subject.matchers), window)}))"
    return f"{answered(subject, window)} or 0 * {looking}"


def duration_p99(subject: Subject, window: Window) -> str:
    """The 99th percentile of the time that the target's pods took per request, in milliseconds."""
    grown = increase(subject, DURATION_BUCKETS, _pods(subject), window)
    return f"1000 * histogram_quantile(0.99, sum by (le) ({grown}))"


def _pods(subject: Subject) -> dict[str, str]:
    return {"kubernetes_namespace=": subject.namespace, "kubernetes_pod_name=~": subject.target_pods}
