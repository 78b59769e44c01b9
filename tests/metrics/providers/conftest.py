"""What the tests of providers leave behind is closed."""

from collections.abc import Iterator

import pytest

from tests.metrics.providers.asking import DEAD


@pytest.fixture(autouse=True)
def _sockets_closed() -> Iterator[None]:
    yield
    while DEAD:
        DEAD.pop().close()
