"""What the controller asks of a real API server, counted by a proxy: at rest, and for each weight step of a run.

    KUBEBUILDER_ASSETS=... ISTIO_CRDS=... python -m benchmarks.api_cost [--json] [--canaries 100] [--rest-seconds 60]

Starts a control plane, a Prometheus and the controller as its own process, all on ports of the system's choice, and
ends them. Watches (kopf's too) and the Lease are counted apart: they are what an idle controller is allowed. Ends with
1 when a promise of the README is broken: no request at rest, no read and at most 3 writes in a weight step.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.counting_proxy import Asked, CountingProxy
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, SERVICES, Object, Ref
from delivery.cluster.protocols import Api
from delivery.sandbox.mesh import Load
from tests.cluster.harness import controller
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.kinds import NAMESPACES
from tests.cluster.harness.kubelet import Kubelet
from tests.cluster.harness.manifests import install_crds
from tests.cluster.harness.mesh import MeshExporter
from tests.cluster.harness.prometheus import Prometheus
from tests.cluster.harness.waiting import pause, until
from tests.simulation import bookinfo

SHOP = "shop"
FIRST = "reviews-000"
OUR_CRDS = Path(__file__).parents[1] / "crds"
START_SECONDS = 300.0
RUN_SECONDS = 180.0
QUIET_SECONDS = 75.0
"""How long after the last change a note may still be struck from an outbox (STRIKE_AFTER_SECONDS and a little)."""
WRITES_ALLOWED = 3


def main() -> None:
    """Measure, print, and end with 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--canaries", type=int, default=100, help="how many Canaries rest")
    parser.add_argument("--rest-seconds", type=float, default=60.0, help="for how long they are watched")
    given = parser.parse_args()
    assets, crds, prometheus = os.environ.get("KUBEBUILDER_ASSETS"), os.environ.get("ISTIO_CRDS"), prometheus_program()
    if not assets or not crds or not prometheus:
        parser.error("KUBEBUILDER_ASSETS, ISTIO_CRDS and a program prometheus on the PATH are needed")
    with tempfile.TemporaryDirectory(prefix="api-cost-") as folder, ExitStack() as running:
        plane = running.enter_context(ControlPlane.start(Path(assets), Path(folder)))
        running.enter_context(Kubelet.start(str(plane.kubeconfig())))
        proxy = running.enter_context(CountingProxy.start(plane.server, plane.certificate))
        bench = Bench(plane, proxy, Path(folder), prometheus=prometheus, istio=Path(crds))
        result = asyncio.run(bench.measure(canaries=given.canaries, seconds=given.rest_seconds))
    print(json.dumps(result) if given.json else table(result))
    sys.exit(bool(result["broken"]))


def prometheus_program() -> str:
    """Where the program is; empty if it is nowhere."""
    return shutil.which("prometheus") or ""


class Bench:
    """A control plane, and a controller that reaches it through the proxy."""

    def __init__(
        self, plane: ControlPlane, proxy: CountingProxy, folder: Path, *, prometheus: str, istio: Path
    ) -> None:
        self._plane = plane
        self._proxy = proxy
        self._folder = folder
        self._prometheus = prometheus
        self._istio = istio

    async def measure(self, *, canaries: int, seconds: float) -> dict[str, Any]:
        """Everything, in the order in which it happens."""
        async with KubernetesApi.connect(str(self._plane.kubeconfig())) as api:
            await self._prepare(api, canaries)
            with (
                MeshExporter.start(str(self._plane.kubeconfig())) as mesh,
                Prometheus.start(self._prometheus, self._folder, mesh.target) as prometheus,
            ):
                kubeconfig = self._proxy.kubeconfig(
                    self._folder / "counted.kubeconfig", token=self._plane.tokens[controller.USER]
                )
                log = self._folder / "controller.log"
                async with controller.running(
                    kubeconfig, log, metrics_server=prometheus.url, lease_namespace=SHOP
                ) as replica:
                    await replica.leading()
                    await all_initialized(api, canaries)
                    rest = await self._rest(seconds)
                    mesh.send(Load(SHOP, FIRST, per_second=50))
                    run = await self._run(api)
        return judged({"canaries": canaries, "rest_seconds": seconds, "rest": rest, **run})

    async def _prepare(self, api: Api, canaries: int) -> None:
        """Definitions, permissions, and so many Canaries with what they belong to."""
        await install_crds(api, [self._istio, *sorted(OUR_CRDS.glob("*.yaml"))])
        await api.create(Ref(NAMESPACES, "", SHOP), {})
        await controller.permit_everywhere(api, SHOP)
        for number in range(canaries):
            for body in manifests(f"reviews-{number:03}"):
                kind = next(kind for kind in (DEPLOYMENTS, SERVICES, CANARIES) if kind.kind == body["kind"])
                await api.create(Ref(kind, SHOP, body["metadata"]["name"]), body)

    async def _rest(self, seconds: float) -> dict[str, Any]:
        """What is asked for while nothing happens."""
        await pause(QUIET_SECONDS)
        begun = time.monotonic()
        await pause(seconds)
        asked = self._proxy.since(begun)
        return {
            "lease": sum(is_lease(one) for one in asked),
            "watches": sum(one.verb == "watch" for one in asked),
            "other": counted(others(asked)),
        }

    async def _run(self, api: Api) -> dict[str, Any]:
        """What is asked for by one promoted run: in each weight step, and altogether."""
        begun = time.monotonic()
        target = Ref(DEPLOYMENTS, SHOP, FIRST)
        op = {"op": "replace", "path": "/spec/template/metadata/labels/version", "value": "v2"}
        await api.patch(target, [op])

        def ended(body: Object) -> bool:
            status = body["status"]
            return status["phase"] in ("Succeeded", "Failed") and not status.get("stage")

        def begun_run(body: Object) -> bool:
            return bool(body["status"]["phase"] == "Progressing")

        ref = Ref(CANARIES, SHOP, FIRST)
        await until(api, ref, begun_run, seconds=RUN_SECONDS, what="progressing")
        body = await until(api, ref, ended, seconds=RUN_SECONDS, what="ended")
        if body["status"]["phase"] != "Succeeded":
            raise SystemExit(f"the run failed: {body['status'].get('message')}")
        asked = others(self._proxy.since(begun))
        steps = [
            {"weight": weight, "reads": reads(part), "writes": writes(part), "requests": counted(part)}
            for weight, part in weight_steps(asked)
        ]
        run = {"reads": reads(asked), "writes": writes(asked), "requests": counted(asked)}
        return {"steps": steps, "run": run}


def manifests(name: str) -> list[dict[str, Any]]:
    """A Deployment with one pod, its Service, and a Canary in a hurry."""
    fast = bookinfo.canary(
        interval="3s",
        stepWeights=[10, 50],
        metrics=[{"name": "request-success-rate", "interval": "3s", "thresholdRange": {"min": 99}}],
    )
    fast["spec"]["traffic"] = {"settleSeconds": 1, "drainSeconds": 2, "drainMaxSeconds": 20}
    bodies = [bookinfo.deployment(replicas=1), bookinfo.service(), fast]
    text = json.dumps(bodies).replace(f'"{bookinfo.NAME}"', f'"{name}"')
    named: list[dict[str, Any]] = json.loads(text)
    return named


async def all_initialized(api: Api, count: int) -> None:
    """Wait until every Canary has its primary and nothing left to do."""
    names = [f"reviews-{number:03}" for number in range(count)]

    def rests(body: Object) -> bool:
        status = body.get("status") or {}
        return status.get("phase") == "Initialized" and not status.get("stage")

    async with asyncio.timeout(START_SECONDS):
        for name in names:
            await until(api, Ref(CANARIES, SHOP, name), rests, seconds=START_SECONDS, what="initialised")


def is_lease(one: Asked) -> bool:
    """Is it about the leader's Lease?"""
    return one.kind == "leases"


def others(asked: Iterable[Asked]) -> list[Asked]:
    """All but watches and the Lease."""
    return [one for one in asked if one.verb != "watch" and not is_lease(one)]


def reads(asked: Iterable[Asked]) -> int:
    """How many gets and lists."""
    return sum(not one.write for one in asked)


def writes(asked: Iterable[Asked]) -> int:
    """How many that change something."""
    return sum(one.write for one in asked)


def counted(asked: Iterable[Asked]) -> dict[str, int]:
    """How often each verb was asked of each kind."""
    return dict(sorted(Counter(f"{one.verb} {one.kind}" for one in asked).items()))


def weight_steps(asked: Sequence[Asked]) -> list[tuple[int, list[Asked]]]:
    """The requests of each weight step: from the status that records a higher weight to the next weight or phase."""
    steps: list[tuple[int, list[Asked]]] = []
    weight, inside = 0, False
    for one in asked:
        status = recorded_status(one)
        if status is not None:
            now = int(status.get("canaryWeight", 0))
            if now > weight and status.get("phase") == "Progressing":
                steps.append((now, []))
                inside = True
            elif now != weight or status.get("phase") != "Progressing":
                inside = False
            weight = now
        if inside:
            steps[-1][1].append(one)
    return steps


def recorded_status(one: Asked) -> dict[str, Any] | None:
    """The status that a request writes, if it writes one of a Canary."""
    if one.kind != "canaries/status" or one.verb != "patch" or one.code != 200:
        return None
    return next((op["value"] for op in one.body or () if op["path"] == "/status"), None)


def judged(result: dict[str, Any]) -> dict[str, Any]:
    """The result with what is not as promised."""
    broken = [f"at rest: {what} ({times} times)" for what, times in result["rest"]["other"].items()]
    costly = [step for step in result["steps"] if step["reads"] or step["writes"] > WRITES_ALLOWED]
    broken += [f"step to {step['weight']} %: {step['requests']}" for step in costly]
    if not result["steps"]:
        broken.append("no weight step was seen")
    return {**result, "broken": broken}


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    rest = result["rest"]
    asked = sum(rest["other"].values())
    besides = f"besides {rest['watches']} watches and {rest['lease']} for the Lease"
    rows = [*((f"{step['weight']}%", step) for step in result["steps"]), ("run", result["run"])]
    lines = [
        f"{result['canaries']} Canaries at rest for {result['rest_seconds']:g} s: {asked} requests, {besides}",
        f"{'step':>6} {'reads':>6} {'writes':>7}  requests",
        *(f"{name:>6} {row['reads']:>6} {row['writes']:>7}  {words(row['requests'])}" for name, row in rows),
        *(f"BROKEN {what}" for what in result["broken"]),
    ]
    return "\n".join(lines)


def words(requests: dict[str, int]) -> str:
    """Counted requests in one line."""
    return ", ".join(f"{times} {what}" for what, times in requests.items())


if __name__ == "__main__":
    main()
