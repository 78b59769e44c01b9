"""A sandbox as a process of its own, as people start it."""

import shutil

import pytest


@pytest.fixture
def sandbox(launch):
    """Starts `delivery sandbox`."""

    def start(*options, wait=True, env=None):
        return launch("sandbox", *options, ready="Ctrl-C ends everything." if wait else None, env=env)

    return start


@pytest.fixture
def prometheus_binary():
    """The path of a real Prometheus."""
    path = shutil.which("prometheus")
    if path is None:
        pytest.skip("there is no prometheus on the PATH")
    return path
