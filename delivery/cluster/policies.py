"""What selects pods from outside: policies, monitors, budgets and the like, kept as their selectors alone.

Once users are with the primary, whatever selected the target's pods by the one label in which the roles differ stops
doing its work, in silence. To notice that, a cache needs of such an object nothing but whom it chooses, and a digest
of the rest that tells whether another object is its copy. No cluster serves all of these kinds.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from delivery.cluster.objects import SERVICES, Kind, Object
from delivery.cluster.protocols import Projection

AUTHORIZATION_POLICIES = Kind("security.istio.io", "v1", "AuthorizationPolicy", "authorizationpolicies")
PEER_AUTHENTICATIONS = Kind("security.istio.io", "v1", "PeerAuthentication", "peerauthentications")
REQUEST_AUTHENTICATIONS = Kind("security.istio.io", "v1", "RequestAuthentication", "requestauthentications")
SIDECARS = Kind("networking.istio.io", "v1", "Sidecar", "sidecars")
ENVOY_FILTERS = Kind("networking.istio.io", "v1alpha3", "EnvoyFilter", "envoyfilters")
TELEMETRIES = Kind("telemetry.istio.io", "v1", "Telemetry", "telemetries")
WASM_PLUGINS = Kind("extensions.istio.io", "v1alpha1", "WasmPlugin", "wasmplugins")
NETWORK_POLICIES = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
POD_DISRUPTION_BUDGETS = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
POD_MONITORS = Kind("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors")
POD_AUTOSCALERS = Kind("autoscaling.k8s.io", "v1", "VerticalPodAutoscaler", "verticalpodautoscalers")
FLAGGER_CANARIES = Kind("flagger.app", "v1beta1", "Canary", "canaries")

OTHER_VERSIONS: Mapping[Kind, tuple[str, ...]] = {
    AUTHORIZATION_POLICIES: ("v1beta1",),
    PEER_AUTHENTICATIONS: ("v1beta1",),
    REQUEST_AUTHENTICATIONS: ("v1beta1",),
    SIDECARS: ("v1beta1", "v1alpha3"),
    TELEMETRIES: ("v1alpha1",),
    POD_DISRUPTION_BUDGETS: ("v1beta1",),
}
"""Versions in which the same fields are read where the kind's own is not served, the best first."""

MESH_WIDE = frozenset(
    {AUTHORIZATION_POLICIES, PEER_AUTHENTICATIONS, REQUEST_AUTHENTICATIONS, ENVOY_FILTERS, TELEMETRIES, WASM_PLUGINS}
)
"""Kinds that, in Istio's root namespace, choose pods of all namespaces."""

TARGET_NAME = "@targetRef"
"""What a reference to a workload by its name counts as: a label that no pod can have, with the value Kind/name."""

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""The label that the API server keeps on every namespace: its name."""

ANYWHERE = "*"

Choice = Mapping[str, Any]
"""Whom one part of an object chooses: a label selector (matchLabels, matchExpressions); `group`, the same for parts
that say the same of whom they choose; `namespaces`, where it looks (absent: its own, "*": perhaps any)."""

Chooser = Callable[[Mapping[str, Any], str], Iterable[Choice]]
"""From a spec and its namespace to what is chosen."""

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def choices_of(kind: Kind, body: Object) -> Iterable[Choice]:
    """Whom an object chooses, read from what its cache holds of it."""
    if kind == SERVICES:
        labels = _mapping(_mapping(body.get("spec")).get("selector"))
        return ({"matchLabels": labels, "group": body["metadata"]["name"]},) if labels else ()
    kept: Iterable[Choice] = body.get("choices") or ()
    return kept


def mentions(kind: Kind) -> Callable[[Object], Iterable[str]]:
    """An index by "namespace/key=value" of every label that a selector names; the namespace is where it looks."""

    def values(body: Object) -> Iterable[str]:
        own = str(body["metadata"].get("namespace", ""))
        found: dict[str, None] = {}
        for choice in choices_of(kind, body):
            for where in choice.get("namespaces") or (own,):
                found.update(dict.fromkeys(f"{where}/{key}={value}" for key, value in named(choice)))
        return found

    return values


def named(selector: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The labels, with their values, that a selector names: only by those can it tell pods apart."""
    yield from (selector.get("matchLabels") or {}).items()
    for expression in selector.get("matchExpressions") or ():
        yield from ((expression["key"], value) for value in expression.get("values") or ())


def by_egress(body: Object) -> Iterable[str]:
    """An index of Sidecars by the first word of each host that callers may reach; wildcards hide no role."""
    for host in body.get("egress") or ():
        name = str(host).rpartition("/")[2]
        if not name.startswith("*"):
            yield name.split(".", 1)[0]


def _projection(chooser: Chooser) -> Projection:
    """Of an object its identity, and whom it chooses."""

    def project(body: Object) -> dict[str, Any]:
        spec, metadata = _mapping(body.get("spec")), _identity(body)
        kept = [dict(choice) for choice in chooser(spec, str(metadata.get("namespace", "")))]
        return {**_type_of(body), "metadata": metadata, **({"choices": kept} if kept else {})}

    return project


def _sidecar(body: Object) -> dict[str, Any]:
    """A Sidecar moreover says which hosts its pods may reach."""
    kept = _projection(_plain("workloadSelector", labels="labels"))(body)
    listeners = _mappings(_mapping(body.get("spec")).get("egress"))
    hosts = [str(host) for each in listeners for host in _list(each.get("hosts"))]
    return {**kept, **({"egress": list(dict.fromkeys(hosts))} if hosts else {})}


def _flagger(body: Object) -> dict[str, Any]:
    """What another progressive delivery controller rolls out, and whether it was told to keep its hands off."""
    spec = _mapping(body.get("spec"))
    target = _mapping(spec.get("targetRef"))
    kept = {"targetRef": {name: target[name] for name in ("kind", "name") if name in target}}
    return {**_type_of(body), "metadata": _identity(body), "spec": {**kept, "suspend": spec.get("suspend") is True}}


def _plain(field: str, *, labels: str = "") -> Chooser:
    """A selector in `field`; with `labels`, the member of it that is a map of labels; absent, it chooses everybody."""

    def choose(spec: Mapping[str, Any], _: str) -> Iterable[Choice]:
        if spec.get("targetRefs") or spec.get("targetRef"):
            return  # attached to a Gateway or a Service by name, which no copy of a workload changes
        given = _mapping(spec.get(field))
        selector = {"matchLabels": given.get(labels)} if labels else given
        yield {**_selector(selector), "group": _digest({k: v for k, v in spec.items() if k != field})}

    return choose


def _budget(spec: Mapping[str, Any], namespace: str) -> Iterable[Choice]:
    """A PodDisruptionBudget without a selector chooses nobody."""
    return _plain("selector")(spec, namespace) if isinstance(spec.get("selector"), Mapping) else ()


def _monitor(spec: Mapping[str, Any], namespace: str) -> Iterable[Choice]:
    """A PodMonitor looks into the namespaces that it names, else into its own."""
    where = _mapping(spec.get("namespaceSelector"))
    places = [ANYWHERE] if where.get("any") is True else [str(each) for each in _list(where.get("matchNames"))]
    for choice in _plain("selector")(spec, namespace):
        yield {**choice, "namespaces": places} if places else choice


def _autoscaler(spec: Mapping[str, Any], _: str) -> Iterable[Choice]:
    """A VerticalPodAutoscaler names its workload."""
    target = _mapping(spec.get("targetRef"))
    if target:
        chosen = {TARGET_NAME: f"{target.get('kind')}/{target.get('name')}"}
        yield {"matchLabels": chosen, "group": _digest({k: v for k, v in spec.items() if k != "targetRef"})}


def _network_policy(spec: Mapping[str, Any], namespace: str) -> Iterable[Choice]:
    """Those whom a NetworkPolicy guards, and those whom it lets call, or be called: policies only ever add."""
    subject = _selector(_mapping(spec.get("podSelector")))
    yield {**subject, "group": _digest({k: v for k, v in spec.items() if k != "podSelector"})}
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for rule in _mappings(spec.get(direction)):
            group = _digest([direction, subject, rule.get("ports")])
            for peer in _mappings(rule.get(peers)):
                if isinstance(peer.get("podSelector"), Mapping):
                    where = _namespaces(peer.get("namespaceSelector"), namespace)
                    yield {**_selector(peer["podSelector"]), "group": group, "namespaces": where, "peer": True}


def _namespaces(selector: object, own: str) -> list[str]:
    """The namespaces that a namespaceSelector may choose, as far as the name that every namespace carries tells."""
    if not isinstance(selector, Mapping):
        return [own]
    exact = _mapping(selector.get("matchLabels")).get(NAMESPACE_LABEL)
    if exact is not None:
        return [str(exact)]
    for each in _mappings(selector.get("matchExpressions")):
        if each.get("key") == NAMESPACE_LABEL and each.get("operator") == "In":
            return [str(value) for value in _list(each.get("values"))]
    return [ANYWHERE]


def _selector(given: Mapping[str, Any]) -> dict[str, Any]:
    """A label selector with what the API server would let through."""
    labels = {str(key): str(value) for key, value in _mapping(given.get("matchLabels")).items()}
    expressions = [
        {
            "key": str(each.get("key")),
            "operator": each["operator"],
            "values": [str(v) for v in _list(each.get("values"))],
        }
        for each in _mappings(given.get("matchExpressions"))
        if each.get("operator") in _OPERATORS
    ]
    kept: dict[str, Any] = {"matchLabels": labels} if labels else {}
    return {**kept, **({"matchExpressions": expressions} if expressions else {})}


def _digest(rest: object) -> str:
    """The same for equal JSON, and short."""
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _identity(body: Object) -> dict[str, Any]:
    metadata = _mapping(body.get("metadata"))
    return {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion") if name in metadata}


def _type_of(body: Object) -> dict[str, Any]:
    return {name: body[name] for name in ("apiVersion", "kind") if name in body}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [each for each in _list(value) if isinstance(each, Mapping)]


CHOOSERS: Mapping[Kind, Projection] = {
    AUTHORIZATION_POLICIES: _projection(_plain("selector")),
    PEER_AUTHENTICATIONS: _projection(_plain("selector")),
    REQUEST_AUTHENTICATIONS: _projection(_plain("selector")),
    ENVOY_FILTERS: _projection(_plain("workloadSelector", labels="labels")),
    TELEMETRIES: _projection(_plain("selector")),
    WASM_PLUGINS: _projection(_plain("selector")),
    SIDECARS: _sidecar,
    NETWORK_POLICIES: _projection(_network_policy),
    POD_DISRUPTION_BUDGETS: _projection(_budget),
    POD_MONITORS: _projection(_monitor),
    POD_AUTOSCALERS: _projection(_autoscaler),
}
"""The projection of every kind that chooses pods, besides Services."""

GUARDED: Mapping[Kind, Projection] = {**CHOOSERS, FLAGGER_CANARIES: _flagger}
"""The projection of every kind that preflight looks at, and that a cluster may lack or keep from us."""
