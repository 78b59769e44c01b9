"""The sandbox's mesh in real time, in front of a real API server and before a real Prometheus.

with MeshExporter.start(kubeconfig, loads=[Load(namespace, "reviews", per_second=50)]) as mesh:
mesh.target         # what Prometheus scrapes: HOST:PORT
mesh.requests(reporter="source", response_code="503")
mesh.lost(namespace=namespace)
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from delivery.cluster.kubernetes import KubernetesApi
from delivery.sandbox.mesh import Behaviour, Load, Mesh
from delivery.sandbox.mesh.on_api import OnApi
from delivery.sandbox.metrics_page import metrics_page
from tests.cluster.harness.threads import beside

LAG = (0.1, 0.7)
"""Seconds until proxies hear of routes, destinations and pods: within the settleSeconds of the stories, which is 1."""


class MeshExporter:
    """A mesh with callers, seen by Prometheus. Its methods may be called from any thread."""

    def __init__(self, loads: Iterable[Load] = (), *, by_image: Mapping[str, Behaviour] | None = None) -> None:
        self.target = ""
        now = time.monotonic()
        mesh = Mesh(loads=loads, by_image=by_image, lag=LAG, now=now)
        self._following = OnApi(mesh)

    @classmethod
    @contextmanager
    def start(
        cls,
        kubeconfig: str,
        *,
        namespace: str | None = None,
        loads: Iterable[Load] = (),
        by_image: Mapping[str, Behaviour] | None = None,
    ) -> Iterator["MeshExporter"]:
        """Run one beside the block, following one namespace or (None) all."""
        mesh = cls(loads, by_image=by_image)

        async def run(ready: Callable[[], None]) -> None:
            async with (
                KubernetesApi.connect(kubeconfig, user_agent="test-mesh/1") as api,
                metrics_page(mesh.exposition) as mesh.target,
            ):
                await mesh._following.run(api, namespace, ready)

        with beside(run, name="mesh"):
            yield mesh

    def send(self, load: Load) -> None:
        """Begin to send these requests as well."""
        with self._following.looking() as mesh:
            mesh.send(load)

    def stop(self, load: Load) -> None:
        """Send these requests no more."""
        with self._following.looking() as mesh:
            mesh.stop(load)

    def requests(self, **labels: str) -> int:
        """Requests up to now in all series with these labels; `reporter` should be one of them."""
        with self._following.looking() as mesh:
            return mesh.requests(**labels)

    def lost(self, **where: str) -> float:
        """Requests up to now that nobody answered, and those that a service without a ready pod did."""
        with self._following.looking() as mesh:
            return mesh.lost(**where) + mesh.unready(**where)

    def lost_by(self, *names: str, **where: str) -> dict[tuple[object, ...], float]:
        """The same, apart for each value of these fields of the ledger."""
        with self._following.looking() as mesh:
            found = mesh.by("fate", *names, **where)
        return {key[1:]: amount for key, amount in found.items() if key[0] in ("lost", "unready")}

    def exposition(self) -> str:
        """What Prometheus would scrape now."""
        with self._following.looking() as mesh:
            return mesh.exposition()
