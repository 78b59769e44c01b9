"""The ports of the three Services: the main one, those of the user's apex Service, and those of the containers.

Istio sends a request for a port of the apex on to the same port of a role's Service, so both roles offer every port
that the apex has. A container's port counts as soon as one role's pods have it: the primary's pods go on serving
theirs until a new version without them is promoted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import Object, Op
from delivery.workloads.names import Names
from delivery.workloads.overlay import Absent, plain
from delivery.workloads.ownership import is_ours
from delivery.workloads.service_spec import ServiceSpec

Port = Mapping[str, Any]

_NAME_MAX = 63  # characters of a Service port's name, a DNS label
_PROXIES = ("istio-proxy", "envoy")
_KEPT = ("name", "port", "targetPort", "protocol", "appProtocol")


def main_port(spec: ServiceSpec) -> dict[str, Any]:
    """The port that `spec.service` names."""
    return {
        "name": spec.port_name,
        "port": spec.port,
        "targetPort": spec.target_port,
        "protocol": "TCP",
        "appProtocol": spec.app_protocol or Absent(),
    }


def further_ports(names: Names, spec: ServiceSpec, apex: Object | None) -> list[dict[str, Any]]:
    """The other ports of a user's apex Service, without what belongs to that Service alone."""
    if apex is None or is_ours(apex, names):
        return []
    main = main_port(spec)
    found = [item for item in apex["spec"].get("ports") or [] if place(item) != place(main) and item.get("name")]
    return [{name: item[name] for name in _KEPT if name in item} for item in found]


def discovered_ports(spec: ServiceSpec, templates: Iterable[Mapping[str, Any]]) -> list[Port]:
    """The ports of the pods' containers besides the main one; none without `spec.service.portDiscovery`.

    `templates` are pod templates, those first whose ports are to keep their names. A port is called as the container
    calls it, else PROTOCOL-CONTAINER-INDEX.
    """
    if not spec.port_discovery:
        return []
    main = main_port(spec)
    found: list[Port] = [main]
    places = {place(main)}
    for template in templates:
        for container in _containers(template):
            for index, port in enumerate(container.get("ports") or ()):
                given = _of_container(str(container.get("name", "")), index, port)
                if place(given) not in places and not _is_main(spec, port):
                    places.add(place(given))
                    found.append(_named_apart(given, found))
    return found[1:]


def together(*groups: Sequence[Port]) -> list[Port]:
    """All these ports; of several for the same number and protocol the first."""
    return _apart((), [port for group in groups for port in group])


def _apart(taken: Sequence[Port], more: Sequence[Port]) -> list[Port]:
    """Those of `more` that are not among the taken ones, each under a name that no other has."""
    found = list(taken)
    for port in more:
        if place(port) not in map(place, found):
            found.append(_named_apart(port, found))
    return found[len(taken) :]


def _containers(template: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The containers that run as long as the pod and are the user's; a native sidecar is an init container."""
    pod = template.get("spec") or {}
    native = [each for each in pod.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    return [each for each in (*(pod.get("containers") or ()), *native) if each.get("name") not in _PROXIES]


def _of_container(container: str, index: int, port: Mapping[str, Any]) -> dict[str, Any]:
    number, protocol = port.get("containerPort"), str(port.get("protocol") or "TCP")
    name = port.get("name") or _short(f"{protocol.lower()}-{container}", f"-{index}")
    return {"name": name, "port": number, "targetPort": number, "protocol": protocol}


def _is_main(spec: ServiceSpec, port: Mapping[str, Any]) -> bool:
    """Is it the container port that the main port leads to, which is a TCP port?"""
    names = (port.get("containerPort"), port.get("name"))
    return protocol_of(port) == "TCP" and spec.target_port in names


def _named_apart(port: Port, others: Iterable[Port]) -> Port:
    """The port under a name that no other has: with its number, and its protocol, if need be."""
    taken = {other.get("name") for other in others}
    name = str(port["name"])
    number, protocol = port.get("port"), protocol_of(port).lower()
    more = ("", f"-{number}", f"-{number}-{protocol}", *(f"-{number}-{protocol}-{count}" for count in range(2, 99)))
    return {**port, "name": next(short for each in more if (short := _short(name, each)) not in taken)}


def _short(name: str, suffix: str) -> str:
    """Name and suffix within the length that the API server allows."""
    return name[: _NAME_MAX - len(suffix)].rstrip("-") + suffix


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The ports of a Service as they have to be, in the order in which they are; `ours`: the names of further ones
    that we keep, the main one not among them.
    """

    ports: list[Any]
    ours: frozenset[str]


def arranged(have: Sequence[Port], main: Port | None, more: Sequence[Port], *, before: frozenset[str]) -> Arrangement:
    """What a Service that has the ports `have` needs for the main port and `more`.

    Ports that others added stay, and so do node ports; `before` are the names of the further ports that we wrote
    last, of which those go that are no longer wanted. `main` is None for a Service whose main port is the user's.
    """
    chosen: dict[int, Port] = {}
    first = None if main is None else _index_of(have, main, range(len(have)))
    if main is not None and first is not None:
        chosen[first] = main
    ours = {index for index, item in enumerate(have) if item.get("name") in before and index not in chosen}
    theirs = [item for index, item in enumerate(have) if index not in ours and index not in chosen]
    missing: list[Port] = [main] if main is not None and first is None else []
    kept = _apart([*theirs, *([main] if main is not None else [])], more)
    for port in kept:
        mine = _index_of(have, port, sorted(ours - set(chosen)))
        if mine is None:
            missing.append(port)
        else:
            chosen[mine] = port
    staying = [(item, chosen.get(index)) for index, item in enumerate(have) if index in chosen or index not in ours]
    ports = [*(_laid_over(item, wanted) for item, wanted in staying), *map(plain, missing)]
    return Arrangement(ports, frozenset(str(port["name"]) for port in kept))


def port_ops(have: Sequence[Port], wanted: Arrangement) -> tuple[Op, ...]:
    """The operations after which a Service has the wanted ports; none when it has them."""
    if list(have) == wanted.ports:
        return ()
    return ({"op": "replace" if have else "add", "path": "/spec/ports", "value": wanted.ports},)


def _laid_over(item: Port, wanted: Port | None) -> Port:
    if wanted is None:
        return item
    gone = {name for name, value in wanted.items() if isinstance(value, Absent)}
    return {**{name: value for name, value in item.items() if name not in gone}, **plain(wanted)}


def _index_of(have: Sequence[Port], wanted: Port, among: Iterable[int]) -> int | None:
    """Which of the ports at these places is the wanted one: by its name, else by its number."""
    places = tuple(among)
    for member in ("name", "port"):
        for index in places:
            if have[index].get(member) == wanted[member] and protocol_of(have[index]) == protocol_of(wanted):
                return index
    return None


def place(port: Port) -> tuple[Any, str]:
    """What no two ports of a Service have in common."""
    return port.get("port"), protocol_of(port)


def protocol_of(port: Port) -> str:
    """A port's protocol, which is TCP unless it says so."""
    return str(port.get("protocol") or "TCP")


def has_unnamed(ports: Iterable[Port]) -> bool:
    """Is one of the ports without a name?"""
    return any(not port.get("name") for port in ports)
