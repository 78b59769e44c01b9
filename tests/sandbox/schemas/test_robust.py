"""Whatever is sent, it is accepted or refused: no body and no patch makes the schemas fall over."""

import random
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from delivery.cluster.memory.rejections import RejectionError
from delivery.cluster.objects import DEPLOYMENTS, Kind
from delivery.sandbox.schemas import strategic, tables
from delivery.sandbox.schemas.builtin import shape_of
from delivery.sandbox.schemas.structural import StructuralSchema
from tests.cluster.schemas.cases import RICH_DEPLOYMENT, builtin_cases
from tests.cluster.schemas.things import SCHEMA, SPECS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CASES = [(kind, body) for _, kind, body in builtin_cases()]
VALUES: tuple[Any, ...] = (
    *(None, 0, -1, 1.5, True, "", "x", "%", "a/b/c", [], {}, [None], [{}], [[1]], {"a": None}, 10**30, 1e300),
    *({"$patch": "delete"}, {"$retainKeys": 1}, "2026-01-01T00:00:00Z"),
)


def broken(body: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The body with one to three of its values replaced or removed."""
    result = deepcopy(body)
    for _ in range(rng.choice((1, 1, 2, 3))):
        *parents, last = rng.choice([path for path in _paths(result) if path] or [("metadata",)])
        node: Any = result
        for part in parents:
            node = node[part]
        if isinstance(node, dict) and rng.random() < 0.2:
            node.pop(last, None)
        else:
            node[last] = deepcopy(rng.choice(VALUES))
    return result


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from _paths(value, (*path, key))


@pytest.mark.parametrize("seed", range(5))
def test_builtin_bodies(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        kind, body = rng.choice(CASES)
        sent = broken(body, rng)
        if isinstance(sent.get("metadata"), dict):  # else the store has refused it
            _through_builtin(kind, body, sent)


def _through_builtin(kind: Kind, body: dict[str, Any], sent: dict[str, Any]) -> None:
    shape = shape_of(kind)
    assert shape is not None
    try:
        shape.prune(sent)
    except RejectionError:
        return
    shape.default(sent)
    assert isinstance(shape.validate(sent), list)
    assert isinstance(shape.changes(body, sent), list)
    assert len(tables.table(kind, [sent], NOW)["rows"]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_custom_bodies(seed: int) -> None:
    rng, schema = random.Random(seed), StructuralSchema.of(SCHEMA)
    for _ in range(200):
        sent = broken({"metadata": {"name": "x", "labels": {"a": "b"}}, "spec": rng.choice(SPECS)}, rng)
        if not isinstance(sent.get("metadata"), dict):
            continue
        try:
            schema.prune(sent)
        except RejectionError:
            continue
        schema.default(sent)
        assert isinstance(schema.validate(sent), list)


@pytest.mark.parametrize("seed", range(5))
def test_strategic_patches(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        with suppress(RejectionError):
            assert isinstance(strategic.apply(DEPLOYMENTS, RICH_DEPLOYMENT, broken(RICH_DEPLOYMENT, rng)), dict)
