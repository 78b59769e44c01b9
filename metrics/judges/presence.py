"""Judges who is served at all: how many requests each role got, and whether anybody still asks the canary."""

from metrics.spec import number
from metrics.verdict import Counts, Outcome, Verdict

LIMIT = "max 0"
"""The limit of a drain in words."""
UNCOUNTED = Verdict(Outcome.INCONCLUSIVE, message="no proxy counts who is served by which version")
"""The answer about traffic where no proxies count."""
UNCOUNTED_DRAIN = Verdict(Outcome.INCONCLUSIVE, limit=LIMIT, message="no proxy counts the requests that are left")
"""The answer about a drain where no proxies count."""


def traffic(*, canary: float, primary: float, sent: float) -> Verdict:
    """Pass with the roles' counts, or inconclusive with counts of 0. `sent` is what callers sent to the service."""
    counts = Counts(canary=canary, primary=primary, expected=max(sent, canary + primary))
    if counts.expected > 0:
        return Verdict(Outcome.PASS, counts=counts)
    return Verdict(Outcome.INCONCLUSIVE, message="no requests were seen in this window", counts=counts)


def drained(*, target: str, namespace: str, seconds: float, requests: float, dark: bool = False) -> Verdict:
    """Pass: no requests to `target` in the last `seconds`; fail: `value` of them; error: nobody looked (`dark`)."""
    if requests > 0:
        message = f"{target} still got {number(requests)} requests in the last {seconds:g} s"
        return Verdict(Outcome.FAIL, value=requests, limit=LIMIT, message=message)
    if dark:
        message = (
            f"drain could not be measured: Prometheus has no samples of namespace {namespace} in the last "
            f"{seconds:g} s, but had some before; check that it scrapes the pods there"
        )
        return Verdict(Outcome.ERROR, limit=LIMIT, message=message)
    return Verdict(Outcome.PASS, value=0.0, limit=LIMIT)
