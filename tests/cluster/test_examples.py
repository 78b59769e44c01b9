"""Every manifest of every example is taken by a real API server, with our definitions and Istio's."""

import json
from pathlib import Path

import pytest
import yaml

from tests.cluster.harness.kubectl import Kubectl
from tests.cluster.harness.stage import here

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXTS = {str(path.relative_to(EXAMPLES)): path.read_text() for path in sorted(EXAMPLES.rglob("*.yaml"))}
NO_OBJECTS = {"simulate/releases.yaml"}
"""What `delivery simulate` reads, and no API server."""
WHOLE = [name for name, text in TEXTS.items() if not text.startswith("# kubectl patch") and name not in NO_OBJECTS]
"""Patches are for objects that are there."""

pytestmark = pytest.mark.usefixtures("crds")


@pytest.mark.parametrize("name", WHOLE)
async def test_a_manifest_is_taken_and_nothing_of_it_is_dropped(kubectl: Kubectl, name: str) -> None:
    for body in yaml.safe_load_all(TEXTS[name]):
        if body["kind"] == "Namespace":
            continue
        ask = ("apply", "--validate=false", "--dry-run=server", "-o", "json", "-f", "-")
        stored = json.loads(await kubectl(*ask, stdin=json.dumps(here(body))))
        kept = [key for key in body if key not in ("apiVersion", "metadata", "stringData")]
        assert _within({key: body[key] for key in kept}, stored)


def _within(given: object, stored: object) -> bool:
    """Is everything that was given there, defaults aside?"""
    if isinstance(given, dict):
        return isinstance(stored, dict) and all(
            key in stored and _within(value, stored[key]) for key, value in given.items()
        )
    if isinstance(given, list):
        return isinstance(stored, list) and len(given) == len(stored) and all(map(_within, given, stored))
    return given == stored
