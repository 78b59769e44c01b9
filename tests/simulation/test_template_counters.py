"""Releases held against their primary by what a MetricTemplate counts: templates come, change and lack counters.

The judge in the loop is unmodified; what it is told of the counters is what the version's quality makes of them.
"""

from typing import Any

import pytest

from delivery.cluster.objects import METRIC_TEMPLATES
from metrics.counters import Counters
from metrics.judges.settings import CompareWithPrimary
from tests.simulation.scenes import events, initialised, is_silent, recovers, says, served, version
from tests.simulation.simulation import Simulation
from tests.simulation.templated import METRIC, TEMPLATE, template

ORDERS = {"requests": 'orders_total{app="{{ workload }}"}', "failures": 'orders_failed_total{app="{{ workload }}"}'}
COMPARED = {key: METRIC[key] for key in ("name", "interval", "warmupSeconds", "templateRef")} | {
    "compareWithPrimary": {}
}
"""Without limits: what rolls back is the comparison alone."""


@pytest.fixture
def sim():
    with Simulation(41) as world:
        yield world


def counting(**counters: str) -> dict[str, Any]:
    body = template()
    del body["spec"]["query"]
    body["spec"]["counters"] = counters or ORDERS
    return body


def asked(sim: Simulation) -> list[Any]:
    """What the analyst is asked to compare, from now on."""
    heard: list[Any] = []
    answer = sim.analyst.compared

    async def compared(spec: Any, *args: Any, **more: Any) -> Any:
        heard.append(spec)
        return await answer(spec, *args, **more)

    sim.analyst.compared = compared
    return heard


def test_a_version_as_good_as_its_primary_is_promoted_by_counters_alone(sim) -> None:
    heard = asked(sim)
    sim.apply(METRIC_TEMPLATES, counting())
    initialised(sim, metrics=[COMPARED])
    sim.release("v2")
    recovers(sim)

    assert version(sim) == "v2"
    assert {(each.counters, each.query, each.compare) for each in heard} == {
        (Counters(requests=ORDERS["requests"], failures=ORDERS["failures"]), "", CompareWithPrimary())
    }
    assert is_silent(sim, "MetricsUnresolved", "CountersMissing")


def test_a_worse_one_is_rolled_back_by_its_first_windows(sim) -> None:
    sim.apply(METRIC_TEMPLATES, counting())
    initialised(sim, metrics=[COMPARED], threshold=50)
    sim.release("v2", quality="bad")
    sim.until_phase("Failed")

    assert version(sim) == "v1"
    served(sim)
    [told] = events(sim, "RolledBack")
    assert "failed (5 %) against" in told
    [check] = sim.status.checks
    assert check.window <= 2


@pytest.mark.parametrize("field", [{"compareWithPrimary": {}}, {"minSamples": 5, "compareWithPrimary": None}])
def test_a_template_without_counters_holds_and_is_told_before_a_run_needs_it(sim, field: dict[str, Any]) -> None:
    sim.apply(METRIC_TEMPLATES, template())
    initialised(sim, metrics=[{**COMPARED, **field}])
    name = "minSamples" if "minSamples" in field else "compareWithPrimary"
    says(sim, "MetricsUnresolved", "CountersMissing", "MetricTemplate shop/errors", f"which {name} needs", "add them")

    sim.release("v2")
    sim.until(lambda: sim.weight, seconds=120, what="some weight")
    says(sim, "AnalysisHealthy", "MetricsUnavailable", "has no counters")
    weight = sim.weight
    sim.loop.advance(120)
    assert (sim.status.phase.value, sim.weight) == ("Progressing", weight)
    assert sim.status.failed_checks == 0

    sim.merge(TEMPLATE, {"spec": {"counters": ORDERS}})
    recovers(sim)
    assert version(sim) == "v2"


def test_counters_that_lose_a_variable_in_the_middle_of_a_run_hold_it(sim) -> None:
    sim.apply(METRIC_TEMPLATES, counting())
    initialised(sim, metrics=[COMPARED], stepWeights=[10, 20, 30, 40, 50, 60, 70, 80])
    sim.release("v2")
    sim.until(lambda: sim.weight, seconds=120, what="some weight")
    sim.merge(TEMPLATE, {"spec": {"counters": {"failures": 'x{app="{{ workload }}", zone="{{ variables.zone }}"}'}}})
    says(sim, "MetricsUnresolved", "VariableMissing", "failures", "'zone' has no value", "templateVariables")
    says(sim, "AnalysisHealthy", "MetricsUnavailable", "'zone' has no value")

    sim.merge(TEMPLATE, {"spec": {"counters": ORDERS}})
    recovers(sim)


@pytest.mark.parametrize(("quality", "phase"), [("good", "Succeeded"), ("bad", "Failed")])
def test_a_controller_that_dies_comes_to_the_same_verdicts(quality: str, phase: str) -> None:
    def told(kill: bool) -> Any:
        with Simulation(43) as sim:
            sim.apply(METRIC_TEMPLATES, counting())
            name = initialised(sim, metrics=[COMPARED])
            sim.release("v2", quality=quality)
            sim.until(lambda: sim.weight == 10, seconds=120, what="weight 10")
            sim.loop.advance(13)
            if kill:
                sim.kill(name)
            sim.until_phase(phase)
            served(sim)
            [check] = sim.status.checks
            return check.window, check.memory, check.evidence

    assert told(kill=True) == told(kill=False)
