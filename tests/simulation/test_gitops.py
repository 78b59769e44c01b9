"""The ignore rules of docs/gitops.md are about exactly the fields that the controller writes on users' objects."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery.cluster.objects import DAEMON_SETS
from tests.simulation.autoscaling import autoscaler, crowded, scaled_object, with_four_pods
from tests.simulation.footprints import Footprints
from tests.simulation.invariants import APEX
from tests.simulation.own_routes import OwnRoutes
from tests.simulation.scenes import initialised
from tests.simulation.simulation import Simulation

PAGE = Path(__file__).parents[2] / "docs" / "gitops.md"

Fields = dict[str, set[str]]


def merged(*found: Fields) -> Fields:
    """All of them together."""
    kinds = {kind for each in found for kind in each}
    return {kind: {field for each in found for field in each.get(kind, ())} for kind in kinds}


def autoscaled(body: dict[str, Any]) -> Fields:
    """What a promoted and a rolled back run of an autoscaled Deployment write."""
    with crowded() as sim:
        return _both_ends(sim, lambda: with_four_pods(sim, body))


def of_runs(world: Simulation) -> Fields:
    """What such runs of another target, or by other routes, write."""
    with world as sim:
        return _both_ends(sim, lambda: initialised(sim))


def _both_ends(sim: Simulation, begin: Callable[[], object]) -> Fields:
    footprints = Footprints(sim)
    begin()
    sim.release("v2")
    sim.until_phase("Succeeded")
    sim.release("v3", quality="bad")
    sim.until_phase("Failed")
    return footprints.found


@cache
def written() -> Fields:
    """Every field of a user's object that these stories write, by kind."""
    return merged(
        autoscaled(autoscaler(least=1)),
        autoscaled(scaled_object(least=1, idleReplicaCount=0)),
        of_runs(Simulation(11, kind=DAEMON_SETS)),
        of_runs(OwnRoutes(31)),
        of_runs(Simulation(19, route=APEX)),
    )


def block(heading: str) -> dict[str, Any]:
    """The YAML under a heading."""
    text = PAGE.read_text().split(f"## {heading}\n", 1)[1]
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return dict(yaml.safe_load(found[1])["spec"])


def argo() -> Fields:
    """The rules for Argo CD, by kind."""
    rules = block("Argo CD")["ignoreDifferences"]
    return {
        each["kind"]: {*each.get("jsonPointers", ()), *map(_list_of, each.get("jqPathExpressions", ()))}
        for each in rules
    }


def _list_of(expression: str) -> str:
    """The pointer to the list whose members a jq expression is about; which of them are written others test."""
    return expression.split("[]", 1)[0].replace(".", "/")


def flux() -> Fields:
    """The rules for Flux, by kind."""
    return {each["target"]["kind"]: set(each["paths"]) for each in block("Flux")["ignore"]}


def covers(rule: str, field: str) -> bool:
    return field == rule or field.startswith(f"{rule}/")


def needs_rule(kind: str, field: str) -> bool:
    """Annotations on routes are called by Canary; neither tool minds one that is not in Git."""
    return not (kind == "VirtualService" and field.startswith("/metadata/annotations/progressive.delivery~1"))


@pytest.mark.parametrize("rules", [argo, flux])
def test_every_field_that_is_written_has_a_rule(rules) -> None:
    bare = [
        f"{kind} {field}"
        for kind, fields in written().items()
        for field in sorted(fields)
        if needs_rule(kind, field) and not any(covers(rule, field) for rule in rules().get(kind, ()))
        if (rules, kind) != (flux, "VirtualService")  # the page says what to do instead
    ]
    assert not bare


@pytest.mark.parametrize("rules", [argo, flux])
def test_no_rule_hides_a_field_that_is_never_written(rules) -> None:
    idle = [
        f"{kind} {rule}"
        for kind, found in rules().items()
        for rule in sorted(found)
        if not any(covers(rule, field) for field in written().get(kind, ()))
    ]
    assert not idle


def test_both_tools_get_the_same_rules() -> None:
    assert {kind: rules for kind, rules in argo().items() if kind != "VirtualService"} == flux()


def test_the_table_names_every_kind() -> None:
    table = PAGE.read_text().split("## ", 1)[0]
    assert [kind for kind in written() if kind not in table] == []


def test_the_groups_of_the_rules_are_those_of_the_kinds() -> None:
    groups = {each["kind"]: each["group"] for each in block("Argo CD")["ignoreDifferences"]}
    assert groups == {
        "Deployment": "apps",
        "DaemonSet": "apps",
        "Service": "",
        "VirtualService": "networking.istio.io",
        "HorizontalPodAutoscaler": "autoscaling",
        "ScaledObject": "keda.sh",
    }
