"""Which version of HorizontalPodAutoscalers is read and written: the best one that the API server has."""

from collections.abc import Mapping

import pytest

from delivery.cluster.errors import ClusterError, Denied, Gone, Unavailable
from delivery.cluster.objects import AUTOSCALING_VERSIONS, Kind
from delivery.controller.application import autoscaling_kind

KINDS = {kind.version: kind for kind in AUTOSCALING_VERSIONS}


class Server:
    """An API server that has autoscaling in some versions; or one that only fails."""

    def __init__(self, *versions: str, error: ClusterError | None = None) -> None:
        self.versions, self.error = versions, error
        self.asked: list[str] = []

    async def server_kinds(self, group: str, version: str, *, timeout: float = 10.0) -> Mapping[str, Kind]:
        """As an API server answers."""
        self.asked.append(version)
        if self.error is not None:
            raise self.error
        if version not in self.versions:
            raise Gone(f"{group}/{version}")
        return {KINDS[version].plural: KINDS[version]}


@pytest.mark.parametrize(
    ("served", "chosen"), [(("v1", "v2", "v2beta2"), "v2"), (("v1", "v2beta1", "v2beta2"), "v2beta2"), (("v1",), "v1")]
)
async def test_the_best_version_that_is_served(served: tuple[str, ...], chosen: str) -> None:
    assert (await autoscaling_kind(Server(*served))).version == chosen


@pytest.mark.parametrize("error", [Unavailable("away"), Denied("not for you")])
async def test_a_server_that_cannot_say_is_taken_for_one_of_today_and_holds_nothing_up(error: ClusterError) -> None:
    server = Server(error=error)
    assert (await autoscaling_kind(server)).version == "v2"
    assert len(server.asked) == 1
