"""Routes of the user on a real API server with Istio's definitions: what we write is taken, and theirs stays."""

from typing import Any

import pytest

from delivery.api.parse import parse_canary
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, DESTINATION_RULES, VIRTUAL_SERVICES, Object, Ref
from delivery.routing.by_reference import ReferenceRouter
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import RouteSpec
from delivery.routing.router import Observed
from delivery.workloads.names import Names
from strategies.traffic import Traffic
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.routing.by_reference import split, sums, to, users_part

pytestmark = pytest.mark.usefixtures("crds")

ROUTE = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "books"}
SUBSETS = {"name": "versions", "primarySubset": "stable", "canarySubset": "next"}
TESTER, INSIDER = {"headers": {"x-tester": {"exact": "yes"}}}, {"queryParams": {"beta": {"exact": "1"}}}
EVERYTHING = {
    "timeout": "5s",
    "retries": {"attempts": 2, "perTryTimeout": "1s"},
    "fault": {"delay": {"percentage": {"value": 0.5}, "fixedDelay": "2s"}},
    "match": [{"uri": {"prefix": "/a"}, "withoutHeaders": {"x-old": {}}}, {"headers": {"x-a": {"regex": ".*"}}}],
    "mirrors": [{"destination": {"host": "sink"}, "percentage": {"value": 3}}],
    "corsPolicy": {"allowOrigins": [{"exact": "https://a.example.com"}]},
}
RUN = (
    Traffic(100, 0, testers=True),
    Traffic(100, 0, mirror=20),
    Traffic(90, 10, cookie="run-1", testers=True),
    Traffic(70, 30, matched=True),
    Traffic(0, 100),
    Traffic(100, 0),
)
router = ReferenceRouter(IstioRouter())


def canary(name: str = "reviews", namespace: str = "", **spec: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}
    analysis = {
        "stepWeights": [10],
        "mirror": True,
        "testerMatch": [TESTER],
        "match": [INSIDER],
        "sessionAffinity": {"cookieName": "v", "primaryCookieName": "p"},
    }
    return {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {"targetRef": target, "service": {"port": 9080}, "analysis": analysis, "routeRefs": [ROUTE], **spec},
    }


def books(*http: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "books", "labels": {"team": "books"}, "annotations": {"owner": "us"}},
        "spec": {"hosts": ["reviews"], "http": list(http), **spec},
    }


def steady(body: Object) -> Object:
    """Without what the server counts."""
    meta = {key: value for key, value in body["metadata"].items() if key not in _COUNTED}
    return {**body, "metadata": meta}


_COUNTED = ("resourceVersion", "generation", "managedFields")


@pytest.mark.parametrize("by_subset", [False, True], ids=["hosts", "subsets"])
async def test_a_whole_run_is_taken_and_leaves_what_is_theirs(
    api: KubernetesApi, kubectl: Kubectl, namespace: str, by_subset: bool
) -> None:
    roles = [to("reviews", 90, subset="stable"), to("reviews", 0, subset="next")]
    main = {**split(), **EVERYTHING, **({"route": roles} if by_subset else {}), "name": "main"}
    main["route"] = [*main["route"], to("archive", 10)]
    other = {"name": "other", "route": [to("ratings", subset="v1")]}
    stream = {"match": [{"port": 9090}], "route": main["route"]}
    await kubectl.apply(books(main, other, tcp=[stream]))
    given = parse_canary(canary(namespace=namespace, **({"subsetRef": SUBSETS} if by_subset else {})))
    names, spec, ref = Names.of(given), RouteSpec.of(given), Ref(VIRTUAL_SERVICES, namespace, "books")
    first = await api.get(ref)
    theirs = users_part(_in_shop(steady(first)), (), subsets=by_subset)

    for traffic in RUN:
        found = await api.get(ref)
        for change in router.routes(names, spec, traffic, Observed({ref: found}), epoch=1):
            await api.patch(change.ref, change.patch)
        stored = await api.get(ref)
        assert router.routes(names, spec, traffic, Observed({ref: stored}), epoch=1) == (), "nothing was dropped"
        assert users_part(_in_shop(steady(stored)), (), subsets=by_subset) == theirs
        assert sums(stored) == sums(first)

    for change in router.give_back(names, spec, Observed({ref: stored}), epoch=1):
        await api.patch(change.ref, change.patch)
    assert (await api.get(ref))["metadata"]["annotations"].keys() & {"owner", "progressive.delivery/fence"} == {"owner"}


def _in_shop(body: Object) -> dict[str, Any]:
    """As the second opinion on whose is what expects it."""
    return {**body, "metadata": {**body["metadata"], "namespace": "shop"}}


async def test_their_destination_rule_is_never_written(api: KubernetesApi, namespace: str) -> None:
    given = parse_canary(canary(namespace=namespace, subsetRef=SUBSETS))
    names, spec = Names.of(given), RouteSpec.of(given)

    assert router.destination_refs(names, spec) == (Ref(DESTINATION_RULES, namespace, "versions"),)
    assert router.created_refs(names, spec) == ()
    assert router.destinations(names, spec, Observed(), epoch=1) == ()


async def test_references_are_taken_and_kept(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    body = canary(routeRefs=[{**ROUTE, "routes": ["a", "b"]}, ROUTE | {"namespace": "gateways"}], subsetRef=SUBSETS)
    for _ in range(2):
        await kubectl.apply(body)
        spec = (await api.get(Ref(CANARIES, namespace, "reviews")))["spec"]
        assert (spec["routeRefs"], spec["subsetRef"]) == (body["spec"]["routeRefs"], SUBSETS)
        body["spec"]["routeRefs"].pop()


REFUSED = [
    ([{**ROUTE, "routes": ["a", "a"]}], "Duplicate value"),
    ([{**ROUTE, "kind": "HTTPRoute"}], "Unsupported value"),
    ([{**ROUTE, "apiVersion": "v1"}], "Unsupported value"),
    ([{**ROUTE, "name": f"r{n}"} for n in range(17)], "should have at most 16 items"),
]


@pytest.mark.parametrize(("references", "says"), REFUSED, ids=lambda each: each if isinstance(each, str) else "")
async def test_the_api_server_refuses_what_the_schema_forbids(
    kubectl: Kubectl, namespace: str, references: Any, says: str
) -> None:
    """Rules between fields are for servers from 1.25; the models refuse the same."""
    with pytest.raises(KubectlError, match=says):
        await kubectl.apply(canary(routeRefs=references))
