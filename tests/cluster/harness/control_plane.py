"""A real Kubernetes control plane: etcd, kube-apiserver and kube-controller-manager, without a kubelet.

Use it as a context manager, from a test (fixture `control_plane`) or from any other program:

    with ControlPlane.start(assets, folder) as plane:
        async with KubernetesApi.connect(str(plane.kubeconfig("admin"))) as api: ...

`assets` is the folder that KUBEBUILDER_ASSETS names (the convention of controller-runtime's envtest). Users are static
tokens: `admin` may do everything, `controller` nothing until somebody binds roles to it (RBAC is on).
"""

import base64
import json
import re
import secrets
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.harness.processes import Program, free_port, start_on_free_ports

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")
CONTROLLERS = (
    "deployment,replicaset,daemonset,statefulset,garbagecollector,namespace,endpoint,endpointslice,"
    "horizontalpodautoscaling"
)
AUDIT_LOG = "audit.log"
GROUPS = {"admin": "system:masters", "controller": ""}


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane. Everything that it keeps is below `folder`."""

    folder: Path
    server: str
    tokens: dict[str, str]
    etcd: Program
    apiserver: Program
    controller_manager: Program

    @classmethod
    @contextmanager
    def start(cls, assets: Path, folder: Path) -> Iterator["ControlPlane"]:
        """Start all three programs, wait until they are ready, and end them afterwards."""
        tokens = {user: secrets.token_hex(16) for user in GROUPS}
        _write_tokens(folder, tokens)
        with ExitStack() as running:

            def started(program: Program) -> Program:
                running.callback(program.stop)
                return program

            etcd, etcd_url = start_on_free_ports(lambda: _start_etcd(assets, folder))
            started(etcd)
            apiserver, server = start_on_free_ports(lambda: _start_apiserver(assets, folder, etcd_url, tokens["admin"]))
            started(apiserver)
            for user, token in tokens.items():
                _write_kubeconfig(folder / f"{user}.kubeconfig", server, folder, user, token)
            manager = started(start_on_free_ports(lambda: _start_controller_manager(assets, folder)))
            yield cls(folder, server, tokens, etcd, apiserver, manager)

    def kubeconfig(self, user: str = "admin") -> Path:
        """The kubeconfig of a user: `admin` or `controller`."""
        return self.folder / f"{user}.kubeconfig"

    def audited(self) -> Iterator[dict[str, Any]]:
        """What user `controller` has asked for so far: the API server's audit events, one an answer."""
        with (self.folder / AUDIT_LOG).open() as lines:
            yield from (json.loads(line) for line in lines if line.endswith("\n"))

    @property
    def certificate(self) -> Path:
        """The CA (and certificate) that the API server made for itself."""
        return self.folder / "apiserver" / "apiserver.crt"


def _write_tokens(folder: Path, tokens: dict[str, str]) -> None:
    lines = [f'{token},{user},{user},"{GROUPS[user]}"' for user, token in tokens.items()]
    (folder / "tokens.csv").write_text("\n".join(lines) + "\n")
    (folder / "service-account.key").write_text(_signing_key())


def _write_audit_policy(folder: Path) -> Path:
    """Who asks for what, of the one user whose permissions are restricted."""
    rules = [{"level": "Metadata", "users": ["controller"], "omitStages": ["RequestReceived"]}, {"level": "None"}]
    path = folder / "audit-policy.json"
    path.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}))
    return path


def _signing_key() -> str:
    """A P-256 private key as PEM (SEC 1: version, scalar, name of the curve): enough to sign tokens with."""
    scalar = bytes([0]) + secrets.token_bytes(31)  # below the order of the group
    der = bytes.fromhex("303102010104 20") + scalar + bytes.fromhex("a00a06082a8648ce3d030107")
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}-----END EC PRIVATE KEY-----\n"


def _start_etcd(assets: Path, folder: Path) -> tuple[Program, str]:
    port, peer = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(assets / "etcd"),
        f"--data-dir={folder / f'etcd-{port}'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync",
    ]
    return _ready(Program(command, log=folder / f"etcd-{port}.log"), port, f"{url}/health"), url


def _start_apiserver(assets: Path, folder: Path, etcd_url: str, token: str) -> tuple[Program, str]:
    port = free_port()
    key = folder / "service-account.key"
    command = [
        str(assets / "kube-apiserver"),
        f"--etcd-servers={etcd_url}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder / 'apiserver'}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--disable-admission-plugins=ServiceAccount",
        f"--audit-policy-file={_write_audit_policy(folder)}",
        f"--audit-log-path={folder / AUDIT_LOG}",
    ]
    program = Program(command, log=folder / f"kube-apiserver-{port}.log")
    server = f"https://127.0.0.1:{port}"
    return _ready(program, port, f"{server}/readyz", token=token), server


def _start_controller_manager(assets: Path, folder: Path) -> Program:
    port = free_port()
    command = [
        str(assets / "kube-controller-manager"),
        f"--kubeconfig={folder / 'admin.kubeconfig'}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'controller-manager'}",
        f"--controllers={CONTROLLERS}",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        *_without_insecure_port(assets / "kube-controller-manager"),
    ]
    program = Program(command, log=folder / f"kube-controller-manager-{port}.log")
    return _ready(program, port, f"https://127.0.0.1:{port}/healthz")


def _without_insecure_port(program: Path) -> list[str]:
    """Versions up to 1.23 also listen on a fixed port unless told not to; later ones refuse the flag."""
    told = subprocess.run([program, "--help"], capture_output=True, text=True, check=True, timeout=30).stdout
    return ["--port=0"] if re.search(r"^\s+--port int", told, re.MULTILINE) else []


def _ready(program: Program, port: int, url: str, *, token: str = "") -> Program:
    """The program, once it listens itself and says that it is ready; ended if it does not come to that."""
    try:
        program.wait_until(lambda: program.listens_on(port) and answers_ok(url, token=token))
    except BaseException:
        program.stop()
        raise
    return program


def answers_ok(url: str, *, token: str = "") -> bool:
    """Whether a GET is answered 200. The certificate is not checked: it is our own process's, seen to listen."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting))
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with opener.open(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _write_kubeconfig(path: Path, server: str, folder: Path, user: str, token: str) -> None:
    """A kubeconfig as JSON, which is YAML too."""
    cluster = {"server": server, "certificate-authority": str(folder / "apiserver" / "apiserver.crt")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        "current-context": "test",
    }
    path.write_text(json.dumps(config))
    path.chmod(0o600)
