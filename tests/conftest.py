"""The order of the tests, and a loop in virtual time for those that want one.

What takes longest begins first, so that several processes end at about the same time.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery.cluster.memory import VirtualLoop

HERE = Path(__file__).parent
LONGEST = ("simulation/test_seeds.py", "sandbox/stage", "cluster", "simulation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """The place of an item's folder or file in the order; a stable sort keeps all else as it was."""
    path = item.path.relative_to(HERE)
    return next((place for place, each in enumerate(LONGEST) if path.is_relative_to(each)), len(LONGEST))


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    """A loop whose time passes only when a test lets it."""
    each = VirtualLoop(seed=1)
    yield each
    each.close()
