"""A look at a Canary reads its policy as the controller does, from far less code."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.rollout import rollout_spec
from delivery.terminal.policy import policy_of
from strategies.plan import plan_for
from tests.terminal.recorded import SPEC, canary

EXAMPLES = Path(__file__).parents[2] / "examples"

VARIANTS: dict[str, dict[str, Any]] = {
    "bare": {},
    "steps": {"stepWeight": 15, "maxWeight": 40, "interval": "1m30s"},
    "one-threshold": {"stepWeights": [50], "threshold": 0},
    "mirrored": {"stepWeights": [10], "mirror": True},
    "mirrored-part": {"stepWeight": 10, "mirror": True, "mirrorWeight": 20},
    "blue-green": {"iterations": 4},
    "matched": {"iterations": 3, "match": [{"headers": {"x": {"exact": "a"}}}]},
    "windows": {
        "stepWeights": [10],
        "interval": "5m",
        "checkIntervalSeconds": 30,
        "metrics": [{"name": "request-duration"}, {"name": "request-success-rate", "interval": "2m"}],
    },
}


def manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, analysis in VARIANTS.items():
        yield name, canary(None, analysis=analysis)
    yield "skipped", canary(None, skipAnalysis=True)
    yield "baking", canary(None, promotion={"bakeSeconds": 600})
    yield "no mesh", canary(None, provider="kubernetes", analysis={})
    yield "times", canary(None, traffic={"settleSeconds": 3, "drainSeconds": 400, "drainMaxSeconds": 500})
    for file in sorted(EXAMPLES.rglob("*.yaml")):
        for body in yaml.safe_load_all(file.read_text()):
            if isinstance(body, dict) and body.get("kind") == "Canary" and "spec" in body:
                yield str(file.relative_to(EXAMPLES)), body


ALL = dict(manifests())


@pytest.mark.parametrize("name", ALL)
def test_the_policy_is_the_controllers(name: str) -> None:
    body = ALL[name]
    wanted = rollout_spec(parse_canary(body), scrape_interval_seconds=15)
    found = policy_of(body)

    assert found.plan == plan_for(wanted)
    assert (found.interval, found.threshold) == (wanted.analysis.interval_seconds, wanted.analysis.threshold)
    assert (found.settle, found.drain) == (wanted.settle_seconds, wanted.drain_seconds)
    assert found.drain_max == max(wanted.drain_seconds, wanted.drain_max_seconds)
    assert found.deadline == wanted.progress_deadline_seconds
    if wanted.checks:
        assert found.windows == {each.name: each.window_seconds for each in wanted.checks}


def test_a_policy_that_makes_no_sense_fails_no_look() -> None:
    body = canary(None, analysis={**SPEC["analysis"], "interval": "soon", "threshold": "many"})
    with pytest.raises(InvalidSpec):
        parse_canary(body)

    assert policy_of(body).interval == 60.0
