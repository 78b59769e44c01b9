"""What an API server refuses in the spec of a pod, as far as people get it wrong."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from delivery.cluster.memory.rejections import Cause
from delivery.sandbox.schemas.complaints import (
    duplicate,
    forbidden,
    invalid,
    non_negative,
    not_found,
    required,
    unsupported,
)
from delivery.sandbox.schemas.names import (
    dns_label,
    dns_subdomain,
    env_name,
    labels,
    named,
    port_name,
    port_number,
)
from delivery.sandbox.schemas.quantities import amount

Part = Mapping[str, Any]

PROTOCOLS = ("SCTP", "TCP", "UDP")
_RESTARTS = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PULLS = ("Always", "IfNotPresent", "Never")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def pod_spec(spec: Part, path: str) -> Iterator[Cause]:
    """A pod's spec, which stands at `path`; its defaults are filled in."""
    volumes: set[str] = set()
    for number, volume in enumerate(spec.get("volumes") or ()):
        yield from _volume(volume, f"{path}.volumes[{number}]", volumes)
    containers = spec.get("containers") or ()
    if not containers:
        yield required(f"{path}.containers")
    seen: set[str] = set()
    for group in ("containers", "initContainers"):
        for number, container in enumerate(spec.get(group) or ()):
            yield from _container(container, f"{path}.{group}[{number}]", volumes, seen)
    if spec.get("restartPolicy", "Always") not in _RESTARTS:
        yield unsupported(f"{path}.restartPolicy", spec["restartPolicy"], _RESTARTS)
    if spec.get("dnsPolicy", "ClusterFirst") not in _DNS:
        yield unsupported(f"{path}.dnsPolicy", spec["dnsPolicy"], _DNS)
    yield from labels(f"{path}.nodeSelector", spec.get("nodeSelector"))
    if account := spec.get("serviceAccountName"):
        yield from named(f"{path}.serviceAccountName", account, dns_subdomain)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and deadline < 1:
        yield invalid(f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive")


def _container(container: Part, path: str, volumes: set[str], seen: set[str]) -> Iterator[Cause]:
    name = container.get("name")
    if not name:
        yield required(f"{path}.name")
    else:
        yield from named(f"{path}.name", name, dns_label)
        if name in seen:
            yield duplicate(f"{path}.name", name)
        seen.add(name)
    if not container.get("image"):
        yield required(f"{path}.image")
    if container.get("imagePullPolicy", "Always") not in _PULLS:
        yield unsupported(f"{path}.imagePullPolicy", container["imagePullPolicy"], _PULLS)
    yield from _ports(container.get("ports") or (), f"{path}.ports")
    for number, variable in enumerate(container.get("env") or ()):
        yield from _variable(variable, f"{path}.env[{number}]")
    for number, mount in enumerate(container.get("volumeMounts") or ()):
        yield from _mount(mount, f"{path}.volumeMounts[{number}]", volumes)
    yield from _resources(container.get("resources") or {}, f"{path}.resources")
    for probe in _PROBES:
        if container.get(probe) is not None:
            yield from _probe(container[probe], f"{path}.{probe}", once=probe != "readinessProbe")


def _ports(ports: Sequence[Part], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for number, port in enumerate(ports):
        field = f"{path}[{number}]"
        if name := port.get("name"):
            yield from named(f"{field}.name", name, port_name)
            if name in seen:
                yield duplicate(f"{field}.name", name)
            seen.add(name)
        if not port.get("containerPort"):
            yield required(f"{field}.containerPort")
        else:
            yield from (
                invalid(f"{field}.containerPort", port["containerPort"], why)
                for why in port_number(port["containerPort"])
            )
        if port.get("protocol", "TCP") not in PROTOCOLS:
            yield unsupported(f"{field}.protocol", port["protocol"], PROTOCOLS)


def _variable(variable: Part, path: str) -> Iterator[Cause]:
    if not variable.get("name"):
        yield required(f"{path}.name")
    else:
        yield from named(f"{path}.name", variable["name"], env_name)
    source = variable.get("valueFrom")
    if source is not None and not source:
        kinds = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        yield invalid(f"{path}.valueFrom", "", f"must specify one of: {kinds}")
    elif source and variable.get("value"):
        yield invalid(f"{path}.valueFrom", "", "may not be specified when `value` is not empty")
    elif source and len(source) > 1:
        yield invalid(f"{path}.valueFrom", "", "may not have more than one field specified at a time")


def _mount(mount: Part, path: str, volumes: set[str]) -> Iterator[Cause]:
    if not mount.get("name"):
        yield required(f"{path}.name")
    elif mount["name"] not in volumes:
        yield not_found(f"{path}.name", mount["name"])
    if not mount.get("mountPath"):
        yield required(f"{path}.mountPath")


def _volume(volume: Part, path: str, volumes: set[str]) -> Iterator[Cause]:
    name = volume.get("name")
    if not name:
        yield required(f"{path}.name")
    else:
        yield from named(f"{path}.name", name, dns_label)
        if name in volumes:
            yield duplicate(f"{path}.name", name)
        volumes.add(name)
    sources = [key for key in volume if key != "name"]
    for extra in sorted(sources, key=_SOURCES.index if set(sources) <= set(_SOURCES) else str)[1:]:
        yield forbidden(f"{path}.{extra}", "may not specify more than 1 volume type")
    for source, member in (("configMap", "name"), ("secret", "secretName"), ("persistentVolumeClaim", "claimName")):
        if volume.get(source) is not None and not volume[source].get(member):
            yield required(f"{path}.{source}.{member}")


_SOURCES = ("emptyDir", "hostPath", "secret", "persistentVolumeClaim", "configMap", "projected", "downwardAPI")


def _resources(resources: Part, path: str) -> Iterator[Cause]:
    limits = resources.get("limits") or {}
    for group in ("limits", "requests"):
        for name, quantity in (resources.get(group) or {}).items():
            if amount(quantity) < 0:
                yield invalid(f"{path}.{group}[{name}]", quantity, "must be greater than or equal to 0")
    for name, quantity in (resources.get("requests") or {}).items():
        if name in limits and amount(quantity) > amount(limits[name]) >= Fraction(0):
            why = f"must be less than or equal to {name} limit"
            yield invalid(f"{path}.requests", quantity, why)


def _probe(probe: Part, path: str, *, once: bool) -> Iterator[Cause]:
    handlers = [handler for handler in _HANDLERS if probe.get(handler) is not None]
    if not handlers:
        yield required(path, "must specify a handler type")
    for handler in handlers[1:]:
        yield forbidden(f"{path}.{handler}", "may not specify more than 1 handler type")
    for handler in handlers[:1]:
        if handler != "exec":
            yield from _port(probe[handler].get("port", 0), f"{path}.{handler}.port")
        elif not probe["exec"].get("command"):
            yield required(f"{path}.exec.command")
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        yield from non_negative(f"{path}.{field}", probe.get(field))
    if once and probe.get("successThreshold", 1) > 1:
        yield invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _port(port: Any, path: str) -> Iterator[Cause]:
    rule = port_name(port) if isinstance(port, str) else port_number(port)
    yield from (invalid(path, port, why) for why in rule)
