"""Policies and releases for stories about simulated rollouts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from delivery.simulate.reading import Policy, read_policy, read_releases
from delivery.simulate.rollout import Outcome, Trace, rest, roll_out
from delivery.simulate.scenario import Scenario

FOLDER = Path(__file__).parents[2] / "examples" / "simulate"
SUCCESS_RATE = {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}, "warmupSeconds": 0}
"""Without warm-up: the stories are not about how young pods are."""


def canary(**changes: Any) -> dict[str, Any]:
    """A Canary with these steps and one metric; `analysis` is merged, all else replaces."""
    analysis = {"interval": "1m", "threshold": 2, "metrics": [SUCCESS_RATE], **changes.pop("analysis", {})}
    if not {"stepWeights", "stepWeight", "iterations"} & set(analysis):
        analysis["stepWeights"] = [5, 25, 50]
    spec = {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
        "service": {"port": 9080},
        "analysis": analysis,
        **changes,
    }
    return {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "reviews", "namespace": "shop"},
        "spec": spec,
    }


def written(folder: Path, name: str, body: Any) -> Path:
    """A file with this object."""
    file = folder / name
    file.write_text(yaml.safe_dump(body))
    return file


def policy(folder: Path, **changes: Any) -> Policy:
    """A policy, read from a file."""
    return read_policy(written(folder, "canary.yaml", canary(**changes)))


def releases(folder: Path, *each: dict[str, Any], **file: Any) -> tuple[Scenario, ...]:
    """Releases, read from a file; one that is healthy by default."""
    return read_releases((written(folder, "releases.yaml", {**file, "releases": list(each) or [{"name": "healthy"}]}),))


def played(given: Policy, scenario: Scenario, *, seed: str = "1", hours: float = 24.0) -> tuple[Outcome, Trace]:
    """One rollout and what it looked like."""
    trace = Trace()
    start = rest(given, scenario)
    return roll_out(given, scenario, start, seed=seed, hours=hours, trace=trace), trace


def calm(scenario: Scenario, **changes: Any) -> Scenario:
    """The same release without chance in what fails and when pods start."""
    return replace(scenario, start_hour=12.0, **{"error": 0.0, "start_up_spread": 0.0, **changes})
