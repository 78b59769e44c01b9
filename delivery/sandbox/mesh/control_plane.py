"""The control plane: from API objects to what proxies are told, as the smallest set of resources that changed.

Three sorts of resources go to proxies on streams of their own, as in Envoy's discovery services: routes (RDS), clusters
(CDS) and endpoints (EDS). An object that is not understood changes nothing; the last good one stays in force, as after
Envoy's NACK, and `problems` says what is wrong with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from delivery.cluster.objects import DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES, Kind, Object
from delivery.sandbox.mesh.destination_rules import ROOT_NAMESPACE, DestinationRule, Labels, read_destination_rule
from delivery.sandbox.mesh.errors import MeshConfigError
from delivery.sandbox.mesh.fields import Fields
from delivery.sandbox.mesh.hosts import parts_of, service_host
from delivery.sandbox.mesh.pods import Pod
from delivery.sandbox.mesh.routes import MESH, Cluster, Rule, Table, VirtualHost
from delivery.sandbox.mesh.virtual_services import Delegated, Reader, VirtualService

ROUTES, CLUSTERS, ENDPOINTS = "routes", "clusters", "endpoints"

Key = tuple[str, str]
"""(gateway, host) of routes; (host, subset) of clusters and endpoints."""

Problems = dict[tuple[str, str, str], str]
"""Kind, namespace, name; what is wrong."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One resource that changed; `value` None: it is no more."""

    sort: str
    key: Key
    value: Any


@dataclass(frozen=True, slots=True)
class Service:
    """A Service: who it selects, and its ports."""

    namespace: str
    selector: Mapping[str, str]
    ports: tuple[int, ...]


class ControlPlane:
    """What is configured, without any delay. `domain` is the cluster's."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.problems: Problems = {}
        self.notices: dict[tuple[str, str, str], tuple[str, ...]] = {}
        self.tables: dict[str, dict[Key, Any]] = {ROUTES: {}, CLUSTERS: {}, ENDPOINTS: {}}
        self._services: dict[str, dict[str, Service]] = {}
        self._virtual_services: dict[Key, VirtualService] = {}
        self._by_route: dict[Key, dict[Key, tuple[str, VirtualService]]] = {}
        self._rules: dict[Key, DestinationRule] = {}
        self._by_host: dict[str, dict[Key, tuple[bool, str, DestinationRule]]] = {}
        self._pods: dict[str, dict[str, Pod]] = {}
        self._told: dict[str, tuple[str, ...]] = {}

    def apply(self, kind: Kind, body: Object, *, deleted: bool = False) -> list[Delta]:
        """Take an object, or its end; what proxies have to be told. Other kinds than the mesh's change nothing."""
        readers = {SERVICES: self._service, VIRTUAL_SERVICES: self._virtual_service, DESTINATION_RULES: self._rule}
        if kind not in readers:
            return []
        meta = body["metadata"]
        name = (kind.kind, str(meta["namespace"]), str(meta["name"]))
        self.problems.pop(name, None)
        self.notices.pop(name, None)
        try:
            return readers[kind]((name[1], name[2]), None if deleted else body)
        except MeshConfigError as error:
            self.problems[name] = f"{kind.kind} {name[1]}/{name[2]}: {error}"
            return []

    # -- services and pods

    def _service(self, name: Key, body: Object | None) -> list[Delta]:
        host = service_host(*name, self.domain)
        new = None if body is None else _read_service(name[0], body)
        beside = self._services.setdefault(name[0], {})
        beside.pop(host, None)
        if new is not None:
            beside[host] = new
        for pod in self._pods.get(name[0], {}).values():
            others = tuple(each for each in pod.hosts if each != host)
            pod.hosts = (*others, host) if new is not None and _selects(new.selector, pod.labels) else others
        return [*self._route(MESH, host), *self._clusters(host), *self._endpoints(host)]

    def _service_of(self, host: str) -> Service | None:
        parts = parts_of(host, self.domain)
        return None if parts is None else self._services.get(parts[0], {}).get(host)

    def pod(self, pod: Pod, *, gone: bool = False) -> list[Delta]:
        """A pod came, changed or went."""
        pods = self._pods.setdefault(pod.namespace, {})
        before = pod.hosts if pod.uid in pods else ()
        if gone:
            pods.pop(pod.uid, None)
            pod.hosts = ()
        else:
            pods[pod.uid] = pod
            pod.hosts = self._hosts(pod)
        return [delta for host in dict.fromkeys((*before, *pod.hosts)) for delta in self._endpoints(host)]

    def _hosts(self, pod: Pod) -> tuple[str, ...]:
        beside = self._services.get(pod.namespace, {})
        return tuple(host for host, service in beside.items() if _selects(service.selector, pod.labels))

    def _subsets(self, host: str) -> dict[str, Labels]:
        """Subsets of all rules for a host; of two with the same name the older rule's."""
        subsets: dict[str, Labels] = {"": ()}
        rules = self._by_host.get(host, {})
        for name in sorted(rules, key=lambda each: (*rules[each][:2], each)):
            subsets = {**rules[name][2].subsets, **subsets}
        return subsets

    def _clusters(self, host: str) -> list[Delta]:
        service, table = self._service_of(host), self.tables[CLUSTERS]
        subsets = {} if service is None else self._subsets(host)
        wanted = {subset: Cluster(host, subset, service.ports) for subset in subsets} if service is not None else {}
        deltas = []
        for subset in dict.fromkeys((*self._told.get(host, ()), *wanted)):
            deltas += self._put(table, CLUSTERS, (host, subset), wanted.get(subset))
        self._told[host] = tuple(wanted)
        return deltas

    def _endpoints(self, host: str) -> list[Delta]:
        """Who is ready behind a host. Those of a cluster that is gone go with it, so they are not told."""
        service, table = self._service_of(host), self.tables[ENDPOINTS]
        if service is None:
            for key in [key for key in table if key[0] == host]:
                del table[key]
            return []
        pods = [pod for pod in self._pods.get(service.namespace, {}).values() if pod.ready and host in pod.hosts]
        pods.sort(key=lambda pod: pod.name)
        deltas = []
        for subset, labels in self._subsets(host).items():
            uids = tuple(pod.uid for pod in pods if all(pod.labels.get(name) == value for name, value in labels))
            deltas += self._put(table, ENDPOINTS, (host, subset), uids)
        return deltas

    # -- routes

    def _virtual_service(self, name: Key, body: Object | None) -> list[Delta]:
        new = None if body is None else Reader(body, self.domain).read()
        old = self._virtual_services.pop(name, None)
        keys = []
        if old is not None:
            keys += _keys(old)
            for key in keys:
                self._by_route[key].pop(name)
        if body is not None and new is not None:
            self._virtual_services[name] = new
            keys += _keys(new)
            for key in _keys(new):
                self._by_route.setdefault(key, {})[name] = (_age(body), new)
            self._note(VIRTUAL_SERVICES, name, new.notices)
        if any(each is not None and not each.hosts for each in (old, new)):
            keys += self._delegating_to(name)
        return [delta for key in dict.fromkeys(keys) for delta in self._route(*key)]

    def _delegating_to(self, name: Key) -> list[Key]:
        """The routes that change with a delegate."""
        return [
            key
            for other in self._virtual_services.values()
            if any(isinstance(rule, Delegated) and rule.target == name for rule in other.http)
            for key in _keys(other)
        ]

    def _route(self, gateway: str, host: str) -> list[Delta]:
        service = self._service_of(host) if gateway == MESH else None
        found = self._by_route.get((gateway, host), {})
        oldest_first = sorted(found, key=lambda name: (found[name][0], name))
        tables = tuple(self._resolved(found[name][1]) for name in oldest_first)
        value = None
        if tables or service is not None:
            merged = (_merged(tables),) if gateway != MESH else tables
            value = VirtualHost(host, merged, None if service is None else service.ports)
        return self._put(self.tables[ROUTES], ROUTES, (gateway, host), value)

    def _resolved(self, one: VirtualService) -> Table:
        """Its rules, with those of delegates in the places that name them."""
        rules: list[Rule] = []
        for rule in one.http:
            rules += self._delegated(rule) if isinstance(rule, Delegated) else [rule]
        return replace(one.table, http=tuple(rules))

    def _delegated(self, rule: Delegated) -> Iterable[Rule]:
        """A delegate's rules, each under the condition of the rule that names it. One that is missing has none."""
        target = self._virtual_services.get(rule.target)
        for inner in target.http if target is not None and not target.hosts else ():
            if isinstance(inner, Rule):  # delegates of delegates do not exist
                yield replace(inner, conditions=(*rule.rule.conditions, *inner.conditions))

    def _rule(self, name: Key, body: Object | None) -> list[Delta]:
        new = None if body is None else read_destination_rule(body, self.domain)
        old = self._rules.pop(name, None)
        if old is not None:
            self._by_host[old.host].pop(name)
        if body is not None and new is not None:
            self._rules[name] = new
            self._by_host.setdefault(new.host, {})[name] = (new.namespace == ROOT_NAMESPACE, _age(body), new)
            self._note(DESTINATION_RULES, name, new.notices)
        hosts = dict.fromkeys(each.host for each in (old, new) if each is not None)
        return [delta for host in hosts for delta in (*self._clusters(host), *self._endpoints(host))]

    # -- inside

    def _note(self, kind: Kind, name: Key, notices: tuple[str, ...]) -> None:
        if notices:
            self.notices[kind.kind, *name] = notices

    @staticmethod
    def _put(table: dict[Key, Any], sort: str, key: Key, value: Any) -> list[Delta]:
        if table.get(key) == value:
            return []
        if value is None:
            del table[key]
        else:
            table[key] = value
        return [Delta(sort, key, value)]


def _read_service(namespace: str, body: Object) -> Service:
    spec = body.get("spec") or {}
    if spec.get("type") == "ExternalName":
        raise MeshConfigError("spec.type: 'ExternalName'; allowed are Services that select pods")
    fields = Fields({"ports": spec.get("ports")}, "spec")
    ports = []
    for path, value in fields.each("ports"):
        ports.append(int(Fields(value, path).number("port", 0, low=1, high=65535)))
    return Service(namespace, spec.get("selector") or {}, tuple(ports))


def _selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


def _keys(one: VirtualService) -> list[Key]:
    return [(gateway, host) for gateway in one.gateways for host in one.hosts]


def _age(body: Object) -> str:
    return str(body["metadata"].get("creationTimestamp") or "")


def _merged(tables: tuple[Table, ...]) -> Table:
    """Several VirtualServices of one gateway and host are one, and rules for everything stand last."""
    rules = [rule for table in tables for rule in table.http]
    rules.sort(key=lambda rule: not rule.conditions)
    return Table(
        name=", ".join(table.name for table in tables),
        http=tuple(rules),
        tcp=tuple(rule for table in tables for rule in table.tcp),
        tls=tuple(rule for table in tables for rule in table.tls),
    )
