"""From files to what is simulated. What is wrong is said with its field, what was given and what is allowed."""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from delivery.api.canary import Canary
from delivery.api.defaults import without_nulls
from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.problems import problems_by, schema_below
from delivery.api.rollout import metric_specs, rollout_spec
from delivery.api.schema import Schema, structural
from delivery.simulate.release import Releases
from delivery.simulate.scenario import Scenario, scenario
from metrics.spec import BUILTINS, DURATION, SUCCESS_RATE, MetricSpec
from strategies.spec import RolloutSpec


class UnusableError(ValueError):
    """A file that cannot be simulated; the text says why, in one line for each problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A Canary as the simulation needs it. `meshed`: proxies count who is served by which version."""

    name: str
    spec: RolloutSpec
    metrics: tuple[MetricSpec, ...]
    meshed: bool = True


def read_policy(file: Path, *, scrape_interval_seconds: float = 15.0) -> Policy:
    """The one Canary in `file`. Raises UnusableError."""
    found = [body for body in _documents(file) if isinstance(body, dict) and body.get("kind") == "Canary"]
    if len(found) != 1:
        raise UnusableError(f"{file}: given {len(found)} Canaries, allowed exactly one")
    try:
        canary = parse_canary(found[0])
    except InvalidSpec as error:
        raise UnusableError("\n".join(f"{file}: {line}" for line in str(error).splitlines())) from error
    if problem := _not_simulated(canary):
        raise UnusableError(f"{file}: {problem}")
    # A policy is tried as it would roll out, also that of a Canary which only looks on so far,
    # by people and services who agree at once and at an hour at which it may.
    rollout = rollout_spec(canary, scrape_interval_seconds=scrape_interval_seconds)
    spec = replace(rollout, observe=False, gates=(), windows=None, hooks=())
    return Policy(name=file.name, spec=spec, metrics=metric_specs(canary), meshed=canary.spec.has_mesh)


def read_policies(
    files: tuple[Path, ...], scenarios: tuple[Scenario, ...], *, scrape_interval_seconds: float = 15.0
) -> tuple[Policy, ...]:
    """The policies of all files, called by their files, for these releases. Raises UnusableError."""
    found = [read_policy(file, scrape_interval_seconds=scrape_interval_seconds) for file in files]
    if len({each.name for each in found}) < len(found):
        found = [replace(each, name=str(file)) for each, file in zip(found, files, strict=True)]
    for each in found:
        check_together(each, scenarios)
    return tuple(found)


def read_releases(files: tuple[Path, ...]) -> tuple[Scenario, ...]:
    """The releases of all files, in their order. Raises UnusableError."""
    found = [each for file in files for each in _read(file)]
    names = [each.name for each in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UnusableError(f"releases: given {twice!r} twice, allowed names that differ")
    return tuple(found)


def check_together(policy: Policy, scenarios: tuple[Scenario, ...]) -> None:
    """Raises UnusableError if a policy asks for something that a release does not say."""
    for metric in policy.metrics:
        if metric.compare is not None and (metric.is_own or metric.name not in (SUCCESS_RATE, DURATION)):
            given = f"{policy.name}: metric {metric.name!r}: given compareWithPrimary"
            raise UnusableError(f"{given}, allowed for {SUCCESS_RATE} and {DURATION}")
    own = [each.name for each in policy.metrics if each.is_own or each.name not in BUILTINS]
    for each in scenarios:
        for name in own:
            if name not in each.metrics:
                raise UnusableError(
                    f"{policy.name}: metric {name!r} has a query of its own: given no distribution of its values, "
                    f"allowed metrics.{name}: {{mean: NUMBER, deviation: NUMBER}} in the file of release {each.name}"
                )
        if policy.spec.analysis.matched and each.match is None:
            raise UnusableError(
                f"{policy.name}: analysis.match is set: given no requests.matchPercent, allowed 0..100 in the file of "
                f"release {each.name}"
            )


def _not_simulated(canary: Canary) -> str:
    """Why a rollout by this Canary cannot be simulated, in one line; "" if it can."""
    spec = canary.spec
    fields = rollout_spec(canary, scrape_interval_seconds=15.0).blocking
    if fields:
        return (
            f"given {', '.join(f'spec.{field}' for field in fields)}, which this version does not act on; leave it out"
        )
    if spec.analysis.session_affinity is not None:
        return "given spec.analysis.sessionAffinity, allowed policies without it: who comes back is not simulated"
    for field, given in (("spec.suspend", spec.suspend), ("spec.paused", spec.paused)):
        if given:
            return f"{field}: given true, allowed false: nothing would ever happen"
    return ""


def _read(file: Path) -> list[Scenario]:
    documents = [body for body in _documents(file) if body is not None]
    if len(documents) != 1:
        raise UnusableError(f"{file}: given {len(documents)} documents, allowed exactly one")
    body = without_nulls(documents[0]) if isinstance(documents[0], dict) else documents[0]
    if not isinstance(body, dict):
        raise UnusableError(f"{file}: given {type(body).__name__}, allowed an object with releases")
    try:
        parsed = Releases.model_validate_json(json.dumps(body, default=str))
    except ValidationError as error:
        found = problems_by(error, body=body, schema_at=lambda path: schema_below(_schema(), path))
        raise UnusableError("\n".join(f"{file}: {each}" for each in found)) from error
    return [scenario(parsed, each) for each in parsed.releases]


@cache
def _schema() -> Schema:
    return structural(Releases.model_json_schema(by_alias=True))


def _documents(file: Path) -> list[Any]:
    """The objects in a file, those of Lists one by one."""
    try:
        found = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError(f"{file}: cannot be read: {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark is not None else ""
        words = " ".join(part for part in (error.problem, error.context) if part)
        raise UnusableError(f"{file}{line}: is no YAML: {words}") from error
    except yaml.YAMLError as error:
        raise UnusableError(f"{file}: is no YAML: {' '.join(str(error).split())}") from error
    return [each for body in found for each in _listed(body)]


def _listed(body: Any) -> list[Any]:
    listed = isinstance(body, dict) and str(body.get("kind")).endswith("List") and isinstance(body.get("items"), list)
    return body["items"] if listed else [body]
