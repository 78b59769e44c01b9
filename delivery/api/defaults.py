"""Defaults that depend on other fields, and so cannot stand in a schema.

An analysis without a strategy gets a careful one. The fields are filled in before validation, each only where it is
absent: a server that wrote `stepWeights` into the stored object would make a manifest with `iterations` invalid.
"""

from collections.abc import Mapping
from typing import Any

from delivery.api.analysis import STRATEGIES
from delivery.api.meshless import KUBERNETES
from metrics.spec import SUCCESS_RATE
from strategies.blue_green import DEFAULT_ITERATIONS

STEP_WEIGHTS = (5, 10, 25, 50)
THRESHOLD = 5
SUCCESS_RATE_PERCENT = 99


def without_nulls(value: Any) -> Any:
    """The same JSON without properties that are null, which in Kubernetes is the same as absent."""
    if isinstance(value, Mapping):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(inner) for inner in value]
    return value


def with_analysis_defaults(analysis: Mapping[str, Any], *, http: bool = True, splits: bool = True) -> dict[str, Any]:
    """The analysis with what it leaves open filled in. Flagger's threshold of 0 or less is 1.

    Without `http` no metric is filled in: connections have no success rate, and its absence would hold every run.
    Where routes cannot split (`splits`), the strategy is blue/green.
    """
    filled = dict(analysis)
    if not any(filled.get(name) for name in STRATEGIES):
        filled.setdefault("threshold", THRESHOLD)
        filled |= {"stepWeights": list(STEP_WEIGHTS)} if splits else {"iterations": DEFAULT_ITERATIONS}
        rate = {"name": SUCCESS_RATE, "thresholdRange": {"min": SUCCESS_RATE_PERCENT}}
        filled.setdefault("metrics", [rate] if http else [])
    threshold = filled.get("threshold")
    if type(threshold) is int and threshold <= 0:
        filled["threshold"] = 1
    return filled


def _is_tcp(service: Any) -> bool:
    return isinstance(service, dict) and str(service.get("appProtocol", "")).lower() == "tcp"


def with_defaults(body: Any, *, provider: str | None = None) -> Any:
    """A Canary's JSON as it is to be validated: without nulls, and with the analysis filled in.

    `provider` is that of a Canary which names none; None leaves it open.
    """
    canary = without_nulls(body)
    spec = canary.get("spec") if isinstance(canary, dict) else None
    if not isinstance(spec, dict):
        return canary
    if provider is not None:
        spec.setdefault("provider", provider)
    if isinstance(spec.get("analysis"), dict):
        http, splits = not _is_tcp(spec.get("service")), spec.get("provider") != KUBERNETES
        spec["analysis"] = with_analysis_defaults(spec["analysis"], http=http, splits=splits)
    return canary
