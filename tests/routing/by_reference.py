"""VirtualServices of a user, generated and plain, and what of them belongs to the user."""

import copy
from typing import Any

from hypothesis import strategies as st

from delivery.api.affinity import SessionAffinity
from delivery.cluster.memory.patching import json_patch
from delivery.cluster.objects import VIRTUAL_SERVICES, Ref
from delivery.routing.by_reference import ReferenceRouter
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import Reference, RouteSpec, Subsets
from delivery.routing.router import Observed
from delivery.workloads.names import Names
from delivery.workloads.service_spec import ServiceSpec
from strategies.traffic import Traffic

Json = dict[str, Any]
OURS = "progressive.delivery/"
DOMAIN = "svc.cluster.local"
PRIMARY, CANARY, APEX = "reviews-primary", "reviews-canary", "reviews"
SUBSETS = Subsets("versions", "stable", "next")
NAMES = Names(namespace="shop", canary="reviews", target="reviews", apex="reviews", uid="u-1")
router = ReferenceRouter(IstioRouter())
REST = Traffic.to_canary(0)
AFFINITY = SessionAffinity(cookieName="version", primaryCookieName="stable")


def spec_of(*references: Reference, **more: Any) -> RouteSpec:
    """A Canary whose routes are the user's."""
    return RouteSpec(service=ServiceSpec(port=9080), references=references or (Reference("shop", "books"),), **more)


def to(host: str, weight: int | None = None, *, subset: str = "", **more: Any) -> Json:
    """A destination."""
    there = {"host": host, **({"subset": subset} if subset else {})}
    return {"destination": there, **({} if weight is None else {"weight": weight}), **more}


def split(name: str = "main", *, primary: int = 100, canary: int = 0, **more: Any) -> Json:
    """A route between the roles."""
    named = {"name": name} if name else {}
    return {**named, "route": [to(APEX, primary), to(CANARY, canary)], **more}


def books(*http: Json, namespace: str = "shop", name: str = "books", **spec: Any) -> Json:
    """A VirtualService as the API server hands it out."""
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace, "uid": "u", "resourceVersion": "1", "generation": 1},
        "spec": {"hosts": ["reviews"], **({"http": list(http)} if http else {}), **spec},
    }


# -- generated ones

_hosts = {
    PRIMARY: [PRIMARY, f"{PRIMARY}.shop", f"{PRIMARY}.shop.svc", f"{PRIMARY}.shop.{DOMAIN}"],
    CANARY: [CANARY, f"{CANARY}.shop", f"{CANARY}.shop.{DOMAIN}"],
    APEX: [APEX, f"{APEX}.shop", f"{APEX}.shop.svc", f"{APEX}.shop.{DOMAIN}"],
}
_text = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=8)
_others = st.sampled_from(
    [
        to("ratings"),
        to("reviews-canary.other"),
        to("reviews.shop-2.svc"),
        to("archive.example.com"),
        to(APEX, subset="old"),
    ]
)
_extras = st.fixed_dictionaries(
    {},
    optional={
        "timeout": st.sampled_from(["1s", "5s"]),
        "retries": st.fixed_dictionaries({"attempts": st.integers(0, 5)}),
        "fault": st.just({"abort": {"httpStatus": 500, "percentage": {"value": 1.5}}}),
        "rewrite": st.just({"uri": "/"}),
        "headers": st.just({"request": {"set": {"x-a": "b"}}}),
        "corsPolicy": st.just({"allowOrigins": [{"exact": "*"}]}),
        "mirrors": st.just([{"destination": {"host": "sink"}, "percentage": {"value": 3}}]),
        "unknownToUs": _text,
    },
)
_match = st.lists(
    st.sampled_from(
        [
            {"uri": {"prefix": "/a"}},
            {"headers": {"x-other": {"exact": "1"}}},
            {"headers": {"x-insider": {"exact": "yes"}}, "port": 80},
            {"queryParams": {"q": {"regex": ".*"}}, "sourceLabels": {"app": "web"}},
        ]
    ),
    max_size=2,
)


@st.composite
def splits(draw: st.DrawFn, *, subsets: bool) -> Json:
    """A route that leads to both roles, in any order and form, with others between them."""
    if subsets:
        forms = st.sampled_from(_hosts[APEX])
        roles = [to(draw(forms), subset="stable"), to(draw(forms), subset="next")]
    else:
        primary = draw(st.sampled_from([[PRIMARY], [APEX], [PRIMARY, APEX]]))
        roles = [to(draw(st.sampled_from(_hosts[name]))) for name in (*primary, CANARY)]
    others = draw(st.lists(_others, max_size=2))
    items = [copy.deepcopy(each) for each in draw(st.permutations([*roles, *others]))]
    for item in items:
        item["weight"] = draw(st.integers(0, 100))
        if draw(st.booleans()):
            item["headers"] = {"response": {"add": {"x-from": draw(_text)}}}
    first = next(item for item in items if item["destination"] == roles[0]["destination"])
    first["weight"] += 1  # so that there is something to divide
    for item in items:
        if item["weight"] == 0 and draw(st.booleans()):
            del item["weight"]
    return {"route": items, **draw(_extras)}


@st.composite
def virtual_services(draw: st.DrawFn, *, subsets: bool) -> tuple[Json, tuple[str, ...]]:
    """A VirtualService with routes of both roles and others, and the names of those that are to be moved."""
    http: list[Json] = []
    names: list[str] = []
    for index in range(draw(st.integers(1, 3))):
        rule = draw(splits(subsets=subsets))
        if draw(st.booleans()):
            rule["match"] = draw(_match) or [{"uri": {"prefix": "/"}}]
        http.append({"name": f"split-{index}", **rule})
        names.append(f"split-{index}")
    for index in range(draw(st.integers(0, 2))):
        other = draw(
            st.sampled_from([{"route": [to("ratings")]}, {"redirect": {"uri": "/x"}}, {"delegate": {"name": "d"}}])
        )
        http.insert(draw(st.integers(0, len(http))), {"name": f"other-{index}", **copy.deepcopy(other)})
    more: Json = {}
    for protocol in ("tcp", "tls"):
        if draw(st.booleans()):
            rule = draw(splits(subsets=subsets))
            more[protocol] = [{"match": [{"port": 1}], "route": rule["route"]}, {"route": [to("db")]}]
    if draw(st.booleans()):
        more["exportTo"] = ["."]
    body = books(*http, gateways=["mesh", "front"], **more)
    if draw(st.booleans()):
        body["metadata"]["annotations"] = {"owner": draw(_text)}
    if draw(st.booleans()):
        body["metadata"]["labels"] = {"team": "books"}
    return body, draw(st.sampled_from([(), tuple(names), tuple(names[:1])]))


# -- whose is what


def role_of(item: Json, *, subsets: bool) -> str:
    """What a destination of a VirtualService in `shop` is: computed a second time."""
    there = item["destination"]
    words, subset = there["host"].split("."), there.get("subset", "")
    here = len(words) == 1 or words[1] == "shop"
    if not here:
        return ""
    if subsets:
        return {"stable": "primary", "next": "canary"}.get(subset, "") if words[0] == APEX else ""
    if subset:
        return ""
    return {PRIMARY: "primary", APEX: "primary", CANARY: "canary"}.get(words[0], "")


def is_front(rule: Json) -> bool:
    """Is it a rule of ours?"""
    return str(rule.get("name", "")).startswith("progressive-delivery-")


def users_part(body: Json, moved: tuple[str, ...], *, subsets: bool) -> Json:
    """Everything but our rules and notes, and the weights of the roles on the routes that are moved."""
    kept = copy.deepcopy(body)
    meta = kept["metadata"]
    noted = {key: value for key, value in (meta.pop("annotations", None) or {}).items() if not key.startswith(OURS)}
    kept["metadata"] = {**meta, **({"annotations": noted} if noted else {})}
    for protocol in ("http", "tcp", "tls"):
        if protocol not in kept["spec"]:
            continue
        rules = [each for each in kept["spec"][protocol] if not is_front(each)]
        for rule in rules:
            if protocol != "http" or not moved or rule.get("name") in moved:
                for item in rule.get("route") or []:
                    if role_of(item, subsets=subsets):
                        item.pop("weight", None)
        kept["spec"][protocol] = rules
    return kept


def sums(body: Json) -> list[int]:
    """The sum of weights of every route of the user."""
    rules = [each for protocol in ("http", "tcp", "tls") for each in body["spec"].get(protocol, [])]
    return [sum(item.get("weight", 0) for item in each.get("route") or []) for each in rules if not is_front(each)]


def observed(*bodies):
    return Observed({Ref.of(VIRTUAL_SERVICES, each): each for each in bodies})


def after(body, spec, traffic, *, epoch=7, names=NAMES):
    """The object after what is written for a traffic, and the number of writes that took."""
    changes = router.routes(names, spec, traffic, observed(body), epoch=epoch)
    for change in changes:
        body = json_patch(body, change.patch)
    return body, len(changes)


def http(body, *, ours=False):
    return [each for each in body["spec"]["http"] if is_front(each) == ours]


def said(body):
    """The same with every weight said: a missing one is 0 beside others."""
    out = copy.deepcopy(body)
    for protocol in ("http", "tcp", "tls"):
        for rule in out["spec"].get(protocol, []):
            for item in rule.get("route") or []:
                item.setdefault("weight", 0)
    return out


def shares(rule):
    return [each.get("weight", 0) for each in rule["route"]]
