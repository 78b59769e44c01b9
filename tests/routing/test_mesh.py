"""What the mesh must know of hosts and pods before users come by route, and who else may hold the target."""

import pytest

from delivery.cluster.indexes import default_indexes
from delivery.cluster.objects import DEPLOYMENTS, PODS, SERVICES, VIRTUAL_SERVICES
from delivery.cluster.policies import FLAGGER_CANARIES, SIDECARS
from delivery.cluster.projections import PROJECTIONS
from delivery.routing.flagger import owned_by_flagger
from delivery.routing.mesh import hides_roles, without_proxy
from strategies.rollout.turn import MAX_MESSAGE
from tests.routing.guarded import NAMES, kept

FQDN = "reviews.shop.svc.cluster.local"
PRIMARY, CANARY = "reviews-primary.shop.svc.cluster.local", "reviews-canary.shop.svc.cluster.local"


def sidecar(*hosts, namespace="front", name="default"):
    return kept(SIDECARS, name, {"egress": [{"hosts": list(hosts[:1])}, {"hosts": list(hosts[1:])}]}, namespace)


def hidden(*sidecars, acknowledged=()):
    """As the controller asks: only of those that its index finds."""
    index = default_indexes(SIDECARS)["host"]
    found = [each for each in sidecars if NAMES.apex in set(index(each))]
    return hides_roles(NAMES, found, acknowledged, root="istio-system")


class TestSidecars:
    @pytest.mark.parametrize(
        "hosts",
        [
            [f"shop/{FQDN}"],
            [f"*/{FQDN}"],
            [f"shop/{FQDN}", "istio-system/*"],
            [f"shop/{FQDN}", f"attic/{PRIMARY}", f"attic/{CANARY}"],
            [f"shop/{FQDN}", f"~/{PRIMARY}", f"~/{CANARY}"],
        ],
    )
    def test_one_that_shows_the_apex_by_name_hides_the_roles(self, hosts):
        problem = hidden(sidecar(*hosts))
        assert problem.reason == "SidecarHidesRoles"
        assert problem.message.startswith("Sidecar/front/default shows callers only reviews: add ")
        assert f"shop/{PRIMARY} and shop/{CANARY}" in problem.message
        assert "spec.preflight.acknowledge" in problem.message
        assert len(problem.message) <= MAX_MESSAGE

    def test_only_the_host_that_is_not_there_is_to_be_added(self):
        message = hidden(sidecar(f"shop/{FQDN}", f"shop/{PRIMARY}")).message
        assert f"add shop/{CANARY} to" in message

    @pytest.mark.parametrize(
        "hosts",
        [
            ["*/*"],
            ["shop/*"],
            ["./*", "shop/*.shop.svc.cluster.local"],
            ["*/*.svc.cluster.local"],
            [f"shop/{FQDN}", "shop/*"],
            [f"shop/{FQDN}", "*/*.shop.svc.cluster.local"],
            [f"shop/{FQDN}", f"shop/{PRIMARY}", f"*/{CANARY}"],
            ["./*"],
            [f"attic/{FQDN}"],
            [f"./{FQDN}"],
            ["shop/ratings.shop.svc.cluster.local"],
            ["~/*"],
            [],
        ],
    )
    def test_one_that_shows_all_of_them_or_none_is_fine(self, hosts):
        assert hidden(sidecar(*hosts)) is None

    def test_a_dot_is_the_sidecars_own_namespace(self):
        assert hidden(sidecar(f"./{FQDN}", namespace="shop")).message.startswith("Sidecar/default shows")
        assert hidden(sidecar(f"./{FQDN}", "./*", namespace="shop")) is None

    def test_what_is_acknowledged_is_left_out(self):
        two = [sidecar(f"shop/{FQDN}"), sidecar(f"shop/{FQDN}", namespace="back")]
        assert "Sidecar/front" not in hidden(*two, acknowledged=["Sidecar/front/default"]).message
        assert hidden(*two, acknowledged=["Sidecar/front/default", "Sidecar/back/default"]) is None


def pod(*containers, inits=(), annotations=None, **metadata):
    status = {"containerStatuses": [{"name": name} for name in containers]} if containers else {}
    if inits:
        status["initContainerStatuses"] = [{"name": name} for name in inits]
    meta = {"name": "p", "namespace": "shop", "annotations": annotations or {}, **metadata}
    return PROJECTIONS[PODS]({"metadata": meta, "spec": {}, "status": status})


class TestPods:
    @pytest.mark.parametrize(
        "inside",
        [
            pod("reviews", "istio-proxy"),
            pod("reviews", inits=["istio-init", "istio-proxy"]),
            pod("reviews", annotations={"ambient.istio.io/redirection": "enabled"}),
            pod("reviews", annotations={"sidecar.istio.io/status": "{}"}),
            pod(),
            pod("reviews", deletionTimestamp="2026-01-01T00:00:00Z"),
        ],
    )
    def test_in_the_mesh_by_a_container_a_native_sidecar_or_the_nodes_proxy(self, inside):
        assert without_proxy(NAMES, [inside], ()) is None

    @pytest.mark.parametrize("outside", [pod("reviews"), pod("reviews", inits=["istio-init"]), pod("a", "b")])
    def test_a_pod_without_a_proxy_is_named_with_the_way_out(self, outside):
        problem = without_proxy(NAMES, [pod("reviews", "istio-proxy"), outside], ())
        assert problem.reason == "NoSidecar"
        assert "istio-injection=enabled" in problem.message
        assert len(problem.message) <= MAX_MESSAGE
        assert without_proxy(NAMES, [outside], {"NoSidecar"}) is None

    def test_a_cache_keeps_the_mark_once_for_all_pods_and_no_other_annotation(self):
        """Thousands of pods: a mark of their own each, with Istio's long status, would be the largest part of them."""
        marked = [pod("a", annotations={"sidecar.istio.io/status": "long " * 100, "note": str(n)}) for n in range(2)]
        kept = [each["metadata"]["annotations"] for each in marked]
        assert kept[0] is kept[1]
        assert kept[0] == {"sidecar.istio.io/status": ""}
        assert "annotations" not in pod("a", annotations={"note": "x"})["metadata"]


def owned(name="reviews", api="flagger.app/v1beta1", kind="Canary", owner="old"):
    return {"metadata": {"name": name, "ownerReferences": [{"apiVersion": api, "kind": kind, "name": owner}]}}


def flagger(kind="Deployment", **spec):
    return kept(FLAGGER_CANARIES, "old", {"targetRef": {"kind": kind, "name": "reviews"}, "analysis": {}, **spec})


class TestFlagger:
    @pytest.mark.parametrize("kind", [DEPLOYMENTS, SERVICES, VIRTUAL_SERVICES], ids=str)
    def test_an_object_that_flagger_owns_is_refused_with_the_way_out(self, kind):
        problem = owned_by_flagger(NAMES, [(kind, None), (kind, owned())], [], target="Deployment")
        assert problem.reason == "OwnedByFlagger"
        assert problem.message.startswith(f"{kind} reviews is owned by Canary old of flagger.app: ")
        assert "spec.revertOnDeletion" in problem.message

    @pytest.mark.parametrize(
        "body", [None, owned(api="progressive.delivery/v1beta1"), owned(kind="Deployment"), {"metadata": {"name": "x"}}]
    )
    def test_what_others_own_is_not_flaggers(self, body):
        assert owned_by_flagger(NAMES, [(SERVICES, body)], [], target="Deployment") is None

    def test_a_canary_of_flaggers_with_the_same_target_is_refused(self):
        problem = owned_by_flagger(NAMES, [], [flagger()], target="Deployment")
        assert problem.message.startswith("Canary old of flagger.app rolls out Deployment reviews: ")
        assert problem.message.endswith("or set spec.suspend there")

    def test_one_that_is_suspended_or_has_a_target_of_another_kind_is_fine(self):
        others = [flagger(suspend=True), flagger(kind="DaemonSet")]
        assert owned_by_flagger(NAMES, [], others, target="Deployment") is None
