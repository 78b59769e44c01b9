"""What of `spec.service` cannot be had from the Services as they are, in one sentence with the way out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from delivery.cluster.objects import Object
from delivery.workloads.names import Names
from delivery.workloads.ownership import annotations, is_ours, labels
from delivery.workloads.ports import Port, discovered_ports, has_unnamed, place, protocol_of
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.written import Written
from strategies.snapshot import Problem

NO_ADDRESS = "None"
"""Kubernetes' word for a Service without a cluster IP."""


def port_problem(
    names: Names, spec: ServiceSpec, apex: Object | None, templates: Iterable[Mapping[str, Any]] = ()
) -> Problem | None:
    """Why the user's apex Service cannot serve `spec.service.port` or the discovered ports, if so."""
    if apex is None or is_ours(apex, names):
        return None
    if apex["spec"].get("type") == "ExternalName":
        return Problem(
            reason="ServiceUnsupported",
            message=f"Service {names.apex} is of type ExternalName and selects no pods; "
            "give spec.service.name another name or make it a ClusterIP Service",
        )
    have = apex["spec"].get("ports") or []
    ports = [item.get("port") for item in have if protocol_of(item) == "TCP"]
    if spec.port not in ports:
        offered = ", ".join(map(str, ports)) or "none"
        return Problem(
            reason="PortNotInService",
            message=f"spec.service.port: given {spec.port}, but Service {names.apex} has ports {offered}; "
            "use one of them or add the port to the Service",
        )
    return _unnamed_problem(names, have, discovered_ports(spec, templates))


def _unnamed_problem(names: Names, have: Sequence[Port], discovered: Sequence[Port]) -> Problem | None:
    """The API server wants every port named once there are two."""
    more = [port for port in discovered if place(port) not in map(place, have)]
    if not more or not has_unnamed(have):
        return None
    numbers = ", ".join(str(port["port"]) for port in more)
    return Problem(
        reason="PortWithoutName",
        message=f"spec.service.portDiscovery: Service {names.apex} has a port without a name, beside which the API "
        f"server allows no other ({numbers}); give that port a name or set portDiscovery to false",
    )


def headless_problem(names: Names, spec: ServiceSpec, services: Iterable[Object | None]) -> Problem | None:
    """Does one of the Services have a cluster IP where none is wanted, or none where one is? That can't be changed.

    A user's apex Service may always be headless; only being asked to make it so is a problem.
    """
    for body in services:
        address = body["spec"].get("clusterIP") if body is not None else None
        if body is None or not address:
            continue
        name, ours = body["metadata"]["name"], is_ours(body, names)
        wanted = spec.headless and name == names.apex
        if (address == NO_ADDRESS) == wanted or (not ours and not wanted):
            continue
        return Problem(reason="HeadlessMismatch", message=_mismatch(name, wanted=wanted, ours=ours))
    return None


def unkept_problem(names: Names, spec: ServiceSpec, services: Iterable[Object | None]) -> Problem | None:
    """What the Services do not say although the Canary asks for it: it stops nobody, but has to be known."""
    there = [body for body in services if body is not None]
    found = []
    if dropped := [body["metadata"]["name"] for body in there if _is_dropped(spec, body)]:
        found.append(
            f"spec.service.trafficDistribution: not kept by Service {', '.join(dropped)}, as with API servers that do "
            "not know the field; take it out, or update Kubernetes"
        )
    for body in there:
        name = body["metadata"]["name"]
        if name == names.apex and not is_ours(body, names) and (own := _its_own(body, spec)):
            found.append(f"Service {name} has its own {', '.join(own)}; change it there, or take it out of the Canary")
    return Problem(reason="FieldsNotKept", message="; ".join(found)) if found else None


def _is_dropped(spec: ServiceSpec, body: Object) -> bool:
    """Was the traffic distribution written, and is it not there?"""
    wanted = spec.traffic_distribution
    return bool(wanted) and "trafficDistribution" not in body["spec"] and Written.on(body).distribution == wanted


def _its_own(body: Object, spec: ServiceSpec) -> list[str]:
    """The fields of a user's apex Service that say something else than the Canary, and are not ours to change."""
    wanted, have = spec.traffic_distribution, body["spec"].get("trafficDistribution")
    written, given = Written.on(body), spec.apex
    sets = (
        ("label", given.labels, labels(body), written.labels | spec.unmanaged.labels),
        ("annotation", given.annotations, annotations(body), written.annotations | spec.unmanaged.annotations),
    )
    found = [
        f"{kind} {key}"
        for kind, asked, there, exempt in sets
        for key, value in sorted(asked.items())
        if key in there and there[key] != value and key not in exempt
    ]
    differs = wanted and have is not None and have != wanted and not written.distribution
    return [*found, "trafficDistribution"] if differs else found


def _mismatch(name: str, *, wanted: bool, ours: bool) -> str:
    given, has = _word(wanted), "has a cluster IP" if wanted else "has none"
    what = f"spec.service.headless: given {given}, but Service {name} {has}, which Kubernetes lets nobody change; "
    if ours:
        return f"{what}set headless to {_word(not wanted)}, or delete the Service, which is then made anew"
    return f"{what}take headless out, since the Service is not of this Canary's making"


def _word(value: bool) -> str:
    return "true" if value else "false"
