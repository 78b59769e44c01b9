"""Where a story is told: a namespace with Bookinfo's reviews, callers, kubectl, and a controller somewhere behind.

What a user does goes through kubectl; what has come of it is read from the API server on watches, so that nothing that
happened in between is missed (`Chronicle`).
"""

import asyncio
import contextlib
import copy
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from delivery.cluster.errors import Gone
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import (
    CANARIES,
    DEPLOYMENTS,
    EVENTS,
    VIRTUAL_SERVICES,
    Kind,
    Object,
    Ref,
)
from delivery.sandbox.mesh import Behaviour, Load
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.kinds import NAMESPACES
from tests.cluster.harness.kubectl import Kubectl
from tests.cluster.harness.manifests import documents
from tests.cluster.harness.mesh import MeshExporter
from tests.cluster.harness.prometheus import Prometheus
from tests.cluster.harness.waiting import eventually, states, until

EXAMPLE = Path(__file__).parents[3] / "examples" / "reviews-canary"
REVIEWS = "docker.io/istio/examples-bookinfo-reviews"
V1, V2, V3 = (f"{REVIEWS}-v{number}:1.20.2" for number in (1, 2, 3))
FAILING, SLOW = f"{REVIEWS}-v3:failing", f"{REVIEWS}-v3:slow"
BY_IMAGE = {FAILING: Behaviour(error_share=0.2), SLOW: Behaviour(latency_ms=900.0)}
"""How the mesh of the stories sees these images; all others are well."""

PATIENCE = 90.0
"""Seconds for what takes a few on a machine with nothing else to do."""

HOUR = "1h"
"""As `interval`: no metric is ever judged, a run stays where it is, however slow the machine and the story are."""

QUICK = {"analysis": {"interval": "3s"}}
"""An edit that lets such a run go on."""


@dataclass
class Chronicle:
    """Every state of an object, from now on."""

    told: list[Object] = field(default_factory=list)

    def each(self, look: Callable[[Object], Any]) -> list[Any]:
        """What `look` says of the states, without repetition in a row; states without the field are left out."""
        said: list[Any] = []
        for body in self.told:
            with contextlib.suppress(KeyError, IndexError, TypeError):
                now = look(body)
                if not said or said[-1] != now:
                    said.append(now)
        return said

    async def until(self, is_so: Callable[[Callable[..., list[Any]]], bool], *, what: str) -> None:
        """Wait until what was written down is so: `is_so(self.each)`."""

        async def look() -> bool:
            return is_so(self.each)

        await eventually(look, seconds=PATIENCE, what=what)


@dataclass
class Stage:
    """One story's namespace. `mesh` and `prometheus` are shared with other stories, `folder` is not."""

    plane: ControlPlane
    api: KubernetesApi
    kubectl: Kubectl
    mesh: MeshExporter
    prometheus: Prometheus
    namespace: str
    folder: Path

    # What is there

    def ref(self, kind: Kind, name: str = "reviews") -> Ref:
        """An object of this namespace."""
        return Ref(kind, self.namespace, name)

    @property
    def load(self) -> Load:
        """What callers of reviews send."""
        return Load(self.namespace, "reviews", per_second=50)

    async def deploy(self, *, replicas: int = 2) -> None:
        """Version 1 of reviews, as in the example, and its callers as soon as somebody can answer them."""
        for body in documents([EXAMPLE / "reviews.yaml"]):
            if body["kind"] == "Deployment":
                body["spec"]["replicas"] = replicas
            if body["kind"] != "Namespace":
                await self.kubectl.apply(here(body))
        await self.kubectl("rollout", "status", "deployment/reviews", "--timeout=60s")

        await self.let_callers_in()

    async def let_callers_in(self) -> None:
        """Callers begin when every proxy has seen the pods: what is lost before that is nobody's fault."""
        probe = Load(self.namespace, "reviews", per_second=50, source="probe")
        self.mesh.send(probe)
        ours = {"source_workload": "probe", "source_workload_namespace": self.namespace}
        before = (0, -1.0)

        async def all_arrive() -> bool:
            nonlocal before
            now = (
                self.mesh.requests(reporter="destination", **ours),
                self.mesh.lost(namespace=self.namespace, source="probe"),
            )
            last, before = before, now
            return now[0] > last[0] and now[1] == last[1]

        await eventually(all_arrive, what="all proxies see the pods")
        self.mesh.stop(probe)
        self.mesh.send(self.load)

    async def initialised(self, **analysis: Any) -> None:
        """Version 1 of reviews under a Canary, all users with the primary."""
        await self.deploy()
        await self.kubectl.apply(canary(**analysis))
        await self.phase("Initialized")

    # What a user does

    async def release(self, image: str) -> None:
        """`kubectl set image`."""
        await self.kubectl("set", "image", "deployment/reviews", f"reviews={image}")

    async def edit(self, spec: dict[str, Any], *, name: str = "reviews") -> None:
        """`kubectl patch` of the Canary's spec."""
        await self.kubectl("patch", f"canary/{name}", "--type=merge", "-p", json.dumps({"spec": spec}))

    async def route_by_hand(self, weight: int) -> None:
        """`kubectl patch` of the VirtualService's weights: `weight` for the canary, the rest for the primary."""
        route = (await self.api.get(self.ref(VIRTUAL_SERVICES)))["spec"]["http"][0]["route"]
        ops = [
            {"op": "replace", "path": f"/spec/http/0/route/{index}/weight", "value": share}
            for index, share in enumerate(weight if leads_to_canary(each) else 100 - weight for each in route)
        ]
        await self.kubectl("patch", "virtualservice/reviews", "--type=json", "-p", json.dumps(ops))

    # What has come of it

    async def until(
        self, is_so: Callable[[Object], object], *, name: str = "reviews", seconds: float = PATIENCE, what: str = ""
    ) -> Object:
        """The Canary, as soon as it is so."""
        return await until(self.api, self.ref(CANARIES, name), is_so, seconds=seconds, what=what)

    async def phase(self, phase: str, *, seconds: float = PATIENCE) -> Object:
        """The Canary, as soon as it is in a phase; told at once of one that failed instead."""
        body = await self.until(
            lambda one: one["status"]["phase"] in {phase, "Failed"}, seconds=seconds, what=f"in phase {phase}"
        )
        assert body["status"]["phase"] == phase, f"{body['status']['reason']}: {body['status'].get('message')}"
        return body

    async def at_rest(self, phase: str) -> Object:
        """The Canary, as soon as a phase has nothing left to do."""
        await self.phase(phase)
        return await self.until(
            lambda one: one["status"]["phase"] == phase and not one["status"].get("stage"), what=f"{phase}, at rest"
        )

    async def at_weight(self, weight: int) -> Object:
        """The Canary, as soon as it has recorded so much for the canary and the routes give it."""
        body = await self.until(
            lambda one: one["status"]["canaryWeight"] == weight and one["status"]["phase"] == "Progressing",
            what=f"at {weight} %",
        )
        await self.routed(weight)
        return body

    async def routed(self, weight: int) -> Object:
        """The VirtualService, as soon as it gives the canary so much."""
        wanted = (100 - weight, weight)
        ref = self.ref(VIRTUAL_SERVICES)
        return await until(self.api, ref, lambda one: weights(one) == wanted, seconds=PATIENCE, what=f"at {wanted}")

    async def condition(self, sort: str, status: str, reason: str, *, name: str = "reviews") -> str:
        """The message of a condition, as soon as it has this status and reason."""

        def found(body: Object) -> list[str]:
            return [
                one.get("message", "")
                for one in body["status"]["conditions"]
                if (one["type"], one["status"], one["reason"]) == (sort, status, reason)
            ]

        body = await self.until(lambda one: found(one), name=name, what=f"{sort}={status} {reason}")
        return found(body)[0]

    async def event(self, reason: str, *, name: str = "reviews") -> str:
        """The message of an Event on the Canary, as soon as there is one with this reason."""

        async def look() -> list[str]:
            events = (await self.api.list(EVENTS, self.namespace)).items
            return [
                one["message"] for one in events if (one["reason"], one["involvedObject"]["name"]) == (reason, name)
            ]

        found = await eventually(look, seconds=PATIENCE, what=f"an Event {reason}")
        assert isinstance(found, list)
        return str(found[0])

    async def image(self, name: str) -> str:
        """The image that a Deployment runs."""
        body = await self.api.get(self.ref(DEPLOYMENTS, name))
        return str(body["spec"]["template"]["spec"]["containers"][0]["image"])

    async def rests(self) -> None:
        """Wait until the target has no replicas."""
        target = self.ref(DEPLOYMENTS)
        await until(self.api, target, lambda one: one["spec"]["replicas"] == 0, seconds=PATIENCE, what="at rest")

    def lost(self) -> float:
        """Requests that met no ready pod, or no route, at any of the proxies, each of which is late in its own way."""
        return self.mesh.lost(namespace=self.namespace, source="productpage")

    def answered(self, workload: str) -> int:
        """Requests that a workload has answered."""
        return self.mesh.requests(
            reporter="source", destination_workload=workload, destination_workload_namespace=self.namespace
        )

    async def still_served(self) -> None:
        """Wait until the primary has answered some more."""
        before = self.mesh.requests(reporter="source", source_workload_namespace=self.namespace, response_code="200")

        async def more() -> bool:
            ours = {"source_workload_namespace": self.namespace, "response_code": "200"}
            return self.mesh.requests(reporter="source", **ours) > before

        await eventually(more, what="users are answered")

    @asynccontextmanager
    async def chronicle(self, kind: Kind, name: str = "reviews") -> AsyncIterator[Chronicle]:
        """Write down every state of an object while the block lasts."""
        chronicle, begun = Chronicle(), asyncio.Event()

        async def write() -> None:
            async for body in states(self.api, self.ref(kind, name)):
                if body is not None:
                    chronicle.told.append(body)
                begun.set()

        task = asyncio.create_task(write())
        try:
            await begun.wait()
            yield chronicle
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def open_stage(
    plane: ControlPlane, mesh: MeshExporter, prometheus: Prometheus, folder: Path
) -> AsyncIterator[Stage]:
    """A namespace of one's own while the block lasts."""
    async with KubernetesApi.connect(str(plane.kubeconfig())) as api:
        ref = Ref(NAMESPACES, "", f"story-{secrets.token_hex(4)}")
        await api.create(ref, {})
        own = folder / ref.name
        own.mkdir()
        kubectl = Kubectl(plane.kubeconfig(), ref.name, plane.folder / "kubectl-cache")
        stage = Stage(plane, api, kubectl, mesh, prometheus, ref.name, own)
        try:
            yield stage
        finally:
            with contextlib.suppress(ValueError):  # a story without callers
                mesh.stop(stage.load)
            with contextlib.suppress(Gone):  # a story that ended with its namespace
                await api.delete(ref)


def canary(*, name: str = "reviews", spec: dict[str, Any] | None = None, **analysis: Any) -> dict[str, Any]:
    """The example's short Canary, in a hurry: steps of 20 and 50 percent, three seconds each."""
    (body,) = documents([EXAMPLE / "canary.yaml"])
    body = here(body)
    body["metadata"]["name"] = name
    quick = {"interval": "3s", "threshold": 2, "stepWeights": [20, 50], "metrics": [success_rate()]}
    body["spec"]["analysis"] = {key: value for key, value in {**quick, **analysis}.items() if value is not None}
    body["spec"]["traffic"] = {"settleSeconds": 1, "drainSeconds": 2, "drainMaxSeconds": 20}
    body["spec"].update(spec or {})
    return body


def success_rate() -> dict[str, Any]:
    """At least 99 percent of requests without an error."""
    return {"name": "request-success-rate", "interval": "3s", "thresholdRange": {"min": 99}, "warmupSeconds": 0}


def duration() -> dict[str, Any]:
    """99 percent of requests within half a second."""
    return {"name": "request-duration", "interval": "3s", "thresholdRange": {"max": 500}, "warmupSeconds": 0}


def here(body: dict[str, Any]) -> dict[str, Any]:
    """An example's object, in whatever namespace it is applied to."""
    out = copy.deepcopy(body)
    out["metadata"].pop("namespace", None)
    return out


def leads_to_canary(route: Object) -> bool:
    """Whether a branch of a route leads to the canary."""
    return str(route["destination"]["host"]).startswith("reviews-canary")


def weights(virtual_service: Object) -> tuple[int, int]:
    """Weights of primary and canary."""
    route = virtual_service["spec"]["http"][0]["route"]
    canary = sum(each.get("weight", 100) for each in route if leads_to_canary(each))
    return sum(each.get("weight", 100) for each in route) - canary, canary
