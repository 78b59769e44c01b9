"""Without a mesh: what would leave users where they are although the selector has moved is refused by name."""

import pytest

from delivery.cluster.objects import DESTINATION_RULES, VIRTUAL_SERVICES
from delivery.routing import preflight
from delivery.routing.apex_preflight import apex_routed, apex_unsupported


def apex(**spec):
    return {"metadata": {"name": "reviews", "namespace": "shop"}, "spec": {"ports": [{"port": 9080}], **spec}}


def to(host, **destination):
    return {"route": [{"destination": {"host": host, **destination}}]}


def route(*rules, namespace="shop", hosts=("reviews",), protocol="http", **spec):
    body = {"hosts": list(hosts), protocol: list(rules), **spec}
    return {"metadata": {"name": "theirs", "namespace": namespace}, "spec": body}


class TestTheService:
    @pytest.mark.parametrize(
        ("spec", "word"), [({"type": "ExternalName"}, "ExternalName"), ({"clusterIP": "None"}, "headless")]
    )
    def test_one_whose_selector_leads_nobody_is_refused(self, names, spec, word):
        problem = apex_unsupported(names, apex(**spec))
        assert problem.reason == "ServiceUnsupported"
        assert problem.message.startswith(f"Service reviews is {'of type ' if word[0] == 'E' else ''}{word}")
        assert "spec.service.name" in problem.message

    @pytest.mark.parametrize("found", [None, apex(), apex(clusterIP="10.0.0.1"), apex(type="LoadBalancer")])
    def test_any_other_is_fine(self, names, found):
        assert apex_unsupported(names, found) is None


class TestTheMesh:
    @pytest.mark.parametrize(
        ("found", "where"),
        [
            (route(to("reviews-primary")), "reviews-primary"),
            (route(to("reviews", subset="v1")), "subset v1 of reviews"),
            (route(to("reviews"), to("reviews-v2")), "reviews-v2"),
            (route({"delegate": {"name": "inner"}}), "the rules of VirtualService inner"),
            (route(to("reviews-v2"), protocol="tcp"), "reviews-v2"),
            (route(to("ratings"), hosts=["*"], namespace="attic"), "ratings"),
            (route(to("reviews"), namespace="attic", hosts=["reviews.shop.svc.cluster.local"]), "reviews"),
        ],
    )
    def test_a_route_that_leads_elsewhere_is_refused(self, names, found, where):
        problem = apex_routed(names, [found])
        assert problem.reason == "HostConflict"
        assert f"{found['metadata']['namespace']}/theirs leads requests for" in problem.message
        assert f" to {where}," in problem.message

    @pytest.mark.parametrize(
        "found",
        [
            route({**to("reviews"), "timeout": "5s"}),
            route(to("reviews.shop.svc.cluster.local")),
            route({"redirect": {"uri": "/"}}),
            route(to("ratings"), hosts=["ratings"]),
            route(to("reviews-v2"), gateways=["edge"]),
            route(to("v2"), namespace="attic", hosts=["reviews.shop.svc.cluster.local"], exportTo=["."]),
            route(),
        ],
    )
    def test_what_leaves_the_choice_to_the_service_is_fine(self, names, found):
        assert apex_routed(names, [found]) is None

    def test_kinds_that_the_cluster_does_not_have_are_named_with_the_way_out(self):
        problem = preflight.not_served([VIRTUAL_SERVICES, DESTINATION_RULES])
        assert problem.reason == "MeshNotInstalled"
        assert "no VirtualService (networking.istio.io) and DestinationRule" in problem.message
        assert "spec.provider to kubernetes" in problem.message
