"""A team that keeps one Deployment for each version, as Bookinfo does, and releases by naming one."""

from typing import Any

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, SERVICES, Ref
from delivery.workloads.revision import matches
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.switched import SwitchedKind
from tests.simulation import bookinfo
from tests.simulation.invariants import CANARY
from tests.simulation.simulation import Simulation


def named(version: str) -> dict[str, Any]:
    """The targetRef of a version."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{bookinfo.NAME}-{version}"}


class Switching(Simulation):
    """The world of such a team. The apex Service selects all versions until there is a Canary."""

    def __init__(self, seed: int | None, **options: Any) -> None:
        super().__init__(seed, **{**options, "kind": SERVICES})
        self.promises._on_target = lambda _event: None  # type: ignore[method-assign]  # the apex is moved here

    def set_up(self, *, replicas: int = 2, **analysis: Any) -> None:
        """Version 1 as it runs before any Canary, then the Canary."""
        spec = analysis.pop("spec", {})
        promotion = {"method": "switch", **spec.get("promotion", {}), **analysis.pop("promotion", {})}
        more = {
            "targetRef": named("v1"),
            "service": {"name": bookinfo.NAME, "port": 9080},
            **spec,
            "promotion": promotion,
        }
        self.canary = bookinfo.canary(spec=more, **analysis)
        self._replicas = replicas
        self.apply(DEPLOYMENTS, bookinfo.versioned("v1", replicas=replicas))
        self.apply(SERVICES, bookinfo.service())
        self.loop.advance(10.0)
        self.promises.let_users_in()
        self._let_in(analysis)
        self.apply(CANARIES, self.canary)

    def deploy(self, version: str, **options: Any) -> None:
        """Another version beside the others; nobody is told of it."""
        self.apply(DEPLOYMENTS, bookinfo.versioned(version, **{"replicas": self._replicas, **options}))

    def release(self, version: str, **options: Any) -> None:
        """Deploy a version, if it is not there, and name it."""
        self.promises.tell(f"release {version} {options}")
        self.promises.released_at = self.loop.time()
        self.canary["spec"]["targetRef"] = named(version)
        if options or self.replicas(version) is None:
            self.deploy(version, **options)
        self.merge(CANARY, {"spec": {"targetRef": named(version)}})

    def leads(self, role: str) -> str:
        """The version to which a role's Service leads; "" when there is none yet."""
        body = self.store.peek(Ref(SERVICES, bookinfo.NAMESPACE, f"{bookinfo.NAME}-{role}"))
        return str(((body or {}).get("spec", {}).get("selector") or {}).get("version", ""))

    @property
    def workload(self) -> Ref:
        """The Deployment that is named."""
        name = self.canary["spec"]["targetRef"]["name"]
        return Ref(DEPLOYMENTS, bookinfo.NAMESPACE, name)

    @property
    def is_applied(self) -> bool:
        """Has the version that is named been taken up?"""
        body = self.store.peek(self.workload)
        kind = SwitchedKind(ServiceSpec(port=9080))
        template = kind.template_of(body) if body is not None else {}
        return matches(self.status.last_applied_spec, template) is True

    def set_back(self) -> bool:
        """The version that serves is named again. False when none is known to."""
        serving = (self.store.peek(self.primary) or {"spec": {}})["spec"].get("selector", {}).get("version")
        if serving is None or self.replicas(serving) is None:
            return False
        self.release(serving)
        return True

    def replicas(self, version: str) -> int | None:
        """How many pods a version is to have; None when there is none."""
        body = self.store.peek(Ref(DEPLOYMENTS, bookinfo.NAMESPACE, f"{bookinfo.NAME}-{version}"))
        return None if body is None else body["spec"]["replicas"]
