"""How many rollouts `delivery simulate` plays in a second, on one core.

    python -m benchmarks.simulate [--json] [--rollouts 300]

A rollout of the first row has 40 windows: what it costs is mostly the state machine's, which is the controller's own.
Processor time is counted, so that other work on the machine disturbs little; machines differ.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from delivery.simulate.reading import Policy, read_policy
from delivery.simulate.rollout import rest, roll_out
from delivery.simulate.scenario import Scenario
from delivery.simulate.work import quick

SUCCESS_RATE = {"name": "request-success-rate", "interval": "30s", "thresholdRange": {"min": 50}, "warmupSeconds": 0}
DURATION = {"name": "request-duration", "interval": "30s", "thresholdRange": {"max": 60000}, "warmupSeconds": 0}
MATCH = [{"headers": {"x-canary": {"exact": "yes"}}}]
CASES: dict[str, dict[str, Any]] = {
    "40 windows, success rate": {"iterations": 40, "match": MATCH, "metrics": [SUCCESS_RATE]},
    "40 windows, success rate and duration": {"iterations": 40, "match": MATCH, "metrics": [SUCCESS_RATE, DURATION]},
    "40 windows in 4 steps": {
        "interval": "5m",
        "checkIntervalSeconds": 30,
        "stepWeights": [5, 10, 25, 50],
        "metrics": [SUCCESS_RATE],
    },
    "40 windows in 4 steps, against the primary": {
        "interval": "5m",
        "checkIntervalSeconds": 30,
        "stepWeights": [5, 10, 25, 50],
        "metrics": [{**SUCCESS_RATE, "compareWithPrimary": {}}],
    },
    "40 steps of a window": {"stepWeight": 1, "maxWeight": 40, "metrics": [SUCCESS_RATE]},
    "4 steps of a window": {"stepWeights": [5, 10, 25, 50], "metrics": [SUCCESS_RATE]},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rollouts", type=int, default=300, help="how many of each case")
    given = parser.parse_args()
    rows = [measure(name, analysis, rollouts=given.rollouts) for name, analysis in CASES.items()]
    print(json.dumps({"rows": rows}) if given.json else table(rows))


def measure(name: str, analysis: dict[str, Any], *, rollouts: int) -> dict[str, Any]:
    """One row."""
    policy, scenario = a_policy(analysis), Scenario(name="healthy", match=0.2)
    start = rest(policy, scenario)
    roll_out(policy, scenario, start, seed="warm")
    with quick():
        begin = time.process_time()
        outcomes = [roll_out(policy, scenario, start, seed=str(number)) for number in range(rollouts)]
        spent = time.process_time() - begin
    windows = sum(each.windows for each in outcomes)
    return {
        "case": name,
        "rollouts": rollouts,
        "windows_per_rollout": windows / rollouts,
        "rollouts_per_second": round(rollouts / spent, 1),
        "microseconds_per_window": round(spent / windows * 1e6, 1),
    }


def a_policy(analysis: dict[str, Any]) -> Policy:
    """A policy with this analysis."""
    spec = {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
        "service": {"port": 9080},
        "analysis": {"interval": "30s", "threshold": 5, **analysis},
    }
    body = {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "reviews", "namespace": "shop"},
        "spec": spec,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "canary.yaml"
        file.write_text(yaml.safe_dump(body))
        return read_policy(file)


def table(rows: list[dict[str, Any]]) -> str:
    """The rows for people."""
    lines = [f"{'case':44} {'windows':>8} {'rollouts/s':>11} {'us/window':>10}"]
    for row in rows:
        numbers = f"{row['windows_per_rollout']:8.1f} {row['rollouts_per_second']:11}"
        lines.append(f"{row['case']:44} {numbers} {row['microseconds_per_window']:10}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
