"""A real control plane for the tests in this folder; started once, each test in a namespace of its own.

    async def test_something(api, kubectl, namespace): ...

`api` is KubernetesApi as the administrator; `kubectl("get", "pods")` is the real one; `until(api, ref, predicate)` of
harness.waiting waits on a watch. Pods become ready by themselves, or as their annotations say (harness.kubelet).
Environment: KUBEBUILDER_ASSETS names the folder with the binaries (without it all of this is skipped), ISTIO_CRDS a
YAML file with Istio's definitions, REQUIRE_CLUSTER=1 makes a failure of every skip.
"""

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import Ref
from tests.cluster.harness import controller
from tests.cluster.harness.control_plane import PROGRAMS, ControlPlane
from tests.cluster.harness.kinds import NAMESPACES
from tests.cluster.harness.kubectl import Kubectl
from tests.cluster.harness.kubelet import Kubelet
from tests.cluster.harness.manifests import install_crds
from tests.cluster.harness.mesh import MeshExporter
from tests.cluster.harness.prometheus import Prometheus
from tests.cluster.harness.stage import BY_IMAGE, Stage, open_stage
from tests.cluster.harness.telling import Stages, Told, begin

OUR_CRDS = Path(__file__).parents[2] / "crds"
KEDA_CRDS = Path(__file__).parent / "harness" / "keda.yaml"


def skip(reason: str) -> None:
    """Skip the test, unless the run promised to have everything that these tests need."""
    if os.environ.get("REQUIRE_CLUSTER") == "1":
        pytest.fail(f"REQUIRE_CLUSTER=1, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="package")
def assets() -> Path:
    folder = os.environ.get("KUBEBUILDER_ASSETS", "")
    if not folder:
        skip("KUBEBUILDER_ASSETS is not set: no control plane to test with")
    missing = [name for name in PROGRAMS if not os.access(Path(folder) / name, os.X_OK)]
    if missing:
        skip(f"KUBEBUILDER_ASSETS={folder} has no program {', '.join(missing)}")
    return Path(folder)


@pytest.fixture(scope="package")
def prometheus_program() -> str:
    program = shutil.which("prometheus")
    if program is None:
        skip("there is no program prometheus on the PATH")
    return str(program)


@pytest.fixture(scope="package")
def istio_crds() -> Path:
    file = os.environ.get("ISTIO_CRDS", "")
    if not file or not Path(file).is_file():
        skip(f"ISTIO_CRDS={file or '(not set)'} is no file with Istio's definitions")
    return Path(file)


@pytest.fixture(scope="package")
def control_plane(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane, and a kubelet that makes Pods ready."""
    with (
        ControlPlane.start(assets, tmp_path_factory.mktemp("control-plane")) as plane,
        Kubelet.start(str(plane.kubeconfig())),
    ):
        yield plane


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def crds(control_plane: ControlPlane, istio_crds: Path) -> list[str]:
    """Our own, Istio's and KEDA's custom resource definitions, installed."""
    async with KubernetesApi.connect(str(control_plane.kubeconfig())) as api:
        return await install_crds(api, [istio_crds, KEDA_CRDS, *sorted(OUR_CRDS.glob("*.yaml"))])


@pytest.fixture
async def api(control_plane: ControlPlane) -> AsyncIterator[KubernetesApi]:
    """The API server, as the administrator."""
    async with KubernetesApi.connect(str(control_plane.kubeconfig())) as connected:
        yield connected


@pytest.fixture
async def namespace(api: KubernetesApi) -> AsyncIterator[str]:
    """A namespace for this test alone, removed afterwards (nobody waits for that)."""
    ref = Ref(NAMESPACES, "", f"test-{secrets.token_hex(4)}")
    await api.create(ref, {})
    yield ref.name
    await api.delete(ref)


@pytest.fixture
def kubectl(control_plane: ControlPlane, namespace: str) -> Kubectl:
    """The real kubectl, as the administrator, in the test's namespace."""
    return Kubectl(control_plane.kubeconfig(), namespace, control_plane.folder / "kubectl-cache")


@pytest.fixture
def mesh(control_plane: ControlPlane, crds: list[str], namespace: str) -> Iterator[MeshExporter]:
    """The mesh of the test's namespace, without callers yet: `mesh.send(Load(namespace, "reviews", 50))`."""
    with MeshExporter.start(str(control_plane.kubeconfig()), namespace=namespace) as running:
        yield running


@pytest.fixture
def prometheus(prometheus_program: str, mesh: MeshExporter, tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the mesh every second."""
    with Prometheus.start(prometheus_program, tmp_path, mesh.target) as running:
        yield running


@pytest.fixture(scope="package")
def world(control_plane: ControlPlane, crds: list[str]) -> Iterator[MeshExporter]:
    """The mesh of all namespaces, for stories."""
    with MeshExporter.start(str(control_plane.kubeconfig()), by_image=BY_IMAGE) as running:
        yield running


@pytest.fixture(scope="package")
def world_prometheus(
    prometheus_program: str, world: MeshExporter, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes all namespaces, for stories that do not harm it."""
    folder = tmp_path_factory.mktemp("prometheus")
    with Prometheus.start(prometheus_program, folder, world.target) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everywhere(
    control_plane: ControlPlane, world_prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[controller.Replica]:
    """A controller for all namespaces while the stories of a file are told, with the rights of deploy/cluster-wide."""
    folder = tmp_path_factory.mktemp("controller")
    own = Ref(NAMESPACES, "", f"controller-{secrets.token_hex(4)}")
    async with KubernetesApi.connect(str(control_plane.kubeconfig())) as api:
        await api.create(own, {})
        await controller.permit_everywhere(api, own.name)
        try:
            async with controller.running(
                control_plane.kubeconfig(controller.USER),
                folder / "controller.log",
                metrics_server=world_prometheus.url,
                lease_namespace=own.name,
            ) as replica:
                yield replica
                assert await replica.stop() == 0
                assert "Traceback" not in replica.output()
        finally:
            await controller.forbid_everywhere(api)
            await api.delete(own)


@pytest.fixture(scope="module")
def stages(
    request: pytest.FixtureRequest,
    control_plane: ControlPlane,
    world: MeshExporter,
    world_prometheus: Prometheus,
    tmp_path_factory: pytest.TempPathFactory,
) -> Stages:
    """What opens a Stage for each story of a file."""
    folder = tmp_path_factory.mktemp(request.path.stem)

    def opened() -> AbstractAsyncContextManager[Stage]:
        return open_stage(control_plane, world, world_prometheus, folder)

    return opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telling(
    request: pytest.FixtureRequest, everywhere: controller.Replica, stages: Stages
) -> AsyncIterator[Told]:
    """The stories of a file, told at the same time before one controller for all namespaces."""
    async with begin(request, stages) as told:
        yield told
