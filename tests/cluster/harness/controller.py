"""The controller as its own process, as a user who may do what the manifests under deploy/ allow and nothing else.

    await permit_everywhere(api, lease_namespace)
    async with running(kubeconfig, log, metrics_server=url, lease_namespace=lease_namespace) as replica: ...

For Canaries in one namespace only: `permit(api, namespace)` and `namespace=`.
"""

import asyncio
import re
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from delivery.cluster.errors import Denied
from delivery.cluster.objects import LEASES, Kind, Ref
from delivery.cluster.protocols import Api
from delivery.outbound.api_server import OWN
from tests.cluster.harness.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from tests.cluster.harness.manifests import documents
from tests.cluster.harness.processes import Program

DEPLOY = Path(__file__).parents[3] / "deploy"
CLUSTER_WIDE = DEPLOY / "cluster-wide" / "cluster-role.yaml"
NAMESPACED = DEPLOY / "namespaced" / "role.yaml"
LOOKING_ON = DEPLOY / "observe" / "cluster-role.yaml"
API_SERVER = DEPLOY / "api-server" / "role.yaml"
LEASE = DEPLOY / "base" / "lease-role.yaml"
USER = "controller"
STOP_SECONDS = 30.0


class Replica:
    """One process of the controller. It counts as started when it answers at `url`."""

    def __init__(self, program: Program) -> None:
        self.program = program

    @property
    def url(self) -> str:
        """Where it serves /metrics, /healthz and /readyz; empty until it listens."""
        found = re.search(r'"port": (\d+), "event": "listening"|"event": "listening".*?"port": (\d+)', self.output())
        return f"http://127.0.0.1:{found[1] or found[2]}" if found else ""

    def output(self) -> str:
        """Its log so far."""
        return self.program.output()

    async def get(self, path: str) -> tuple[int, str]:
        """Status and text of a GET."""
        return await asyncio.to_thread(self._get, path)

    async def ready(self) -> None:
        """Wait until /readyz says so; NotStartedError if it ends first."""
        await asyncio.to_thread(self.program.wait_until, lambda: bool(self.url) and self._get("/readyz")[0] == 200)

    async def leading(self) -> None:
        """Wait until it leads."""
        leader = "progressive_delivery_leader 1.0"
        await asyncio.to_thread(self.program.wait_until, lambda: leader in self._get("/metrics")[1])

    async def ended(self) -> int | None:
        """Wait for its end and answer the exit code; None if it does not end."""
        await asyncio.to_thread(self.program.ended_within, STOP_SECONDS)
        return self.program.exit_code

    async def stop(self) -> int | None:
        """SIGTERM, and the exit code."""
        self.program.send(signal.SIGTERM)
        return await self.ended()

    def crash(self) -> None:
        """SIGKILL."""
        self.program.kill()

    def pause(self) -> None:
        """SIGSTOP: time passes, it does not notice."""
        self.program.send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.program.send(signal.SIGCONT)

    def _get(self, path: str) -> tuple[int, str]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}{path}", timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)


@asynccontextmanager
async def running(
    kubeconfig: Path,
    log: Path,
    *,
    metrics_server: str,
    lease_namespace: str,
    namespace: str | None = None,
    flags: Sequence[str] = (),
) -> AsyncIterator[Replica]:
    """`delivery run` while the block lasts, in one namespace or (None) in all. Ready, but perhaps not leading."""
    command = [
        *(sys.executable, "-m", "delivery.cli", "run"),
        f"--kubeconfig={kubeconfig}",
        f"--lease-namespace={lease_namespace}",
        f"--metrics-server={metrics_server}",
        "--scrape-interval-seconds=1",
        "--listen=127.0.0.1:0",
        *([f"--namespace={namespace}"] if namespace else []),
        *flags,
    ]
    replica = Replica(Program(command, log=log))
    try:
        await replica.ready()
        yield replica
    finally:
        await asyncio.to_thread(replica.program.stop, seconds=STOP_SECONDS)


async def permit(api: Api, namespace: str) -> None:
    """What deploy/namespaced allows, for Canaries and the Lease in this namespace."""
    for body in documents([NAMESPACED, LEASE]):
        if body["kind"] == ROLES.kind:
            await _create(api, Ref(ROLES, namespace, body["metadata"]["name"]), body)
            await _create(api, Ref(ROLE_BINDINGS, namespace, body["metadata"]["name"]), _binding(body, ROLES))


async def permit_to_look_on(api: Api, namespace: str) -> None:
    """What deploy/observe allows, in this namespace only."""
    for body in documents([LOOKING_ON, LEASE]):
        if body["kind"] in (ROLES.kind, CLUSTER_ROLES.kind):
            role = {**body, "apiVersion": ROLES.api_version, "kind": ROLES.kind}
            await _create(api, Ref(ROLES, namespace, body["metadata"]["name"]), role)
            await _create(api, Ref(ROLE_BINDINGS, namespace, body["metadata"]["name"]), _binding(body, ROLES))


async def permit_everywhere(api: Api, lease_namespace: str) -> None:
    """What deploy/cluster-wide allows: Canaries everywhere, the Lease in one namespace."""
    for body in documents([CLUSTER_WIDE]):
        if body["kind"] == CLUSTER_ROLES.kind:
            await _create(api, Ref(CLUSTER_ROLES, "", body["metadata"]["name"]), body)
            binding = _binding(body, CLUSTER_ROLES)
            await _create(api, Ref(CLUSTER_ROLE_BINDINGS, "", body["metadata"]["name"]), binding)
    for body in documents([LEASE]):
        if body["kind"] == ROLES.kind:
            await _create(api, Ref(ROLES, lease_namespace, body["metadata"]["name"]), body)
            await _create(api, Ref(ROLE_BINDINGS, lease_namespace, body["metadata"]["name"]), _binding(body, ROLES))


async def permit_the_api_servers_addresses(api: Api) -> None:
    """What deploy/api-server allows, in the namespace that it names."""
    for body in documents([API_SERVER]):
        if body["kind"] == ROLES.kind:
            namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
            await _create(api, Ref(ROLES, namespace, name), body)
            await _create(api, Ref(ROLE_BINDINGS, namespace, name), _binding(body, ROLES))


async def may_read_the_api_servers_addresses(controller: Api) -> bool:
    """Whether the authorizer has heard of it."""
    try:
        await controller.get(OWN[1])
    except Denied:
        return False
    return True


async def forbid_the_api_servers_addresses(api: Api) -> None:
    """Take it back."""
    for body in documents([API_SERVER]):
        kind = ROLES if body["kind"] == ROLES.kind else ROLE_BINDINGS
        await api.delete(Ref(kind, body["metadata"]["namespace"], body["metadata"]["name"]))


async def forbid_everywhere(api: Api) -> None:
    """Take back what `permit_everywhere` gave."""
    for body in documents([CLUSTER_WIDE]):
        if body["kind"] == CLUSTER_ROLES.kind:
            await api.delete(Ref(CLUSTER_ROLE_BINDINGS, "", body["metadata"]["name"]))
            await api.delete(Ref(CLUSTER_ROLES, "", body["metadata"]["name"]))


def lease(namespace: str) -> Ref:
    """The Lease that the leader holds."""
    return Ref(LEASES, namespace, "progressive-delivery")


async def _create(api: Api, ref: Ref, body: dict[str, object]) -> None:
    """In the namespace of the reference, whatever the manifest says."""
    await api.create(ref, {**body, "metadata": {"name": ref.name}})


def _binding(role: dict[str, dict[str, str]], kind: Kind) -> dict[str, object]:
    return {
        "subjects": [{"kind": "User", "name": USER, "apiGroup": kind.group}],
        "roleRef": {"kind": kind.kind, "name": role["metadata"]["name"], "apiGroup": kind.group},
    }
