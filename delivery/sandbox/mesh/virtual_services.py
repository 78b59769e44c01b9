"""Reads VirtualServices: every field that Istio gives a meaning is understood, said to have no effect, or refused."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from delivery.cluster.objects import Object
from delivery.sandbox.mesh.errors import MeshConfigError
from delivery.sandbox.mesh.fields import Fields
from delivery.sandbox.mesh.grpc_status import grpc_code
from delivery.sandbox.mesh.hosts import qualified
from delivery.sandbox.mesh.matching import Match, pairs, parse_match
from delivery.sandbox.mesh.routes import (
    DEFAULT_RETRY_ON,
    MESH,
    Branch,
    Destination,
    Fault,
    HeaderOps,
    Mirror,
    Retry,
    Rule,
    StreamMatch,
    StreamRule,
    Table,
)

RETRY_ON = frozenset(
    {
        "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream",
        "retriable-status-codes", "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
    }
)  # fmt: skip


MOST_RETRIES = 25


@dataclass(frozen=True, slots=True)
class Delegated:
    """A rule that leaves its requests to the rules of another VirtualService, (namespace, name)."""

    rule: Rule
    target: tuple[str, str]


@dataclass(frozen=True, slots=True)
class VirtualService:
    """A VirtualService as it was read. Gateways are `mesh` or "namespace/name"."""

    name: str
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    table: Table
    http: tuple[Rule | Delegated, ...]
    notices: tuple[str, ...] = ()


class Reader:
    """Reads one VirtualService. MeshConfigError names the field that is not understood."""

    def __init__(self, body: Object, domain: str) -> None:
        meta = body["metadata"]
        self._namespace, self._domain = str(meta["namespace"]), domain
        self._name = f"{self._namespace}/{meta['name']}"
        self._spec = body.get("spec") or {}
        self._gateways: tuple[str, ...] = ()

    def read(self) -> VirtualService:
        """The whole object."""
        notices: list[str] = []
        with Fields(self._spec, "spec", notices) as spec:
            self._gateways = tuple(map(self._gateway, spec.texts("gateways"))) or (MESH,)
            outside = MESH not in self._gateways
            hosts = tuple(
                qualified(each, self._namespace, self._domain, outside=outside) for each in spec.texts("hosts")
            )
            exported = spec.texts("exportTo") or ("*",)
            table = Table(
                name=self._name,
                exported_to=frozenset(self._namespace if each == "." else each for each in exported),
                tcp=tuple(self._stream(each, path, "tcp") for path, each in spec.each("tcp")),
                tls=tuple(self._stream(each, path, "tls") for path, each in spec.each("tls")),
            )
            http = tuple(self._rule(each, path, notices) for path, each in spec.each("http"))
        return VirtualService(self._name, hosts, self._gateways, table, http, tuple(notices))

    def _gateway(self, name: str) -> str:
        return name if name == MESH or "/" in name else f"{self._namespace}/{name}"

    def _rule(self, value: object, path: str, notices: list[str]) -> Rule | Delegated:
        with Fields(value, path, notices) as fields:
            requests, answers = _headers(fields)
            rule = Rule(
                conditions=self._conditions(fields),
                branches=self._branches(fields, "http"),
                name=fields.text("name"),
                answer=_answer(fields),
                mirrors=self._mirrors(fields),
                retry=_retry(fields),
                timeout_seconds=fields.duration("timeout"),
                fault=_fault(fields),
                request_headers=requests,
                response_headers=answers,
            )
            fields.no_effect("rewrite", "corsPolicy")
            target = self._delegate(fields)
        _one_way(rule, target, path)
        return rule if target is None else Delegated(rule, target)

    def _conditions(self, fields: Fields) -> tuple[tuple[Match, ...], ...]:
        matches = tuple(parse_match(each, path, self._gateway) for path, each in fields.each("match"))
        return (matches,) if matches else ()

    def _branches(self, fields: Fields, sort: str) -> tuple[Branch, ...]:
        items = list(fields.each("route"))
        parsed = [self._branch(each, path, sort, alone=len(items) == 1) for path, each in items]
        total = sum(branch.share for branch in parsed)
        if parsed and total <= 0:
            raise MeshConfigError(f"{fields.path}.route: weights sum to {total:g}; allowed is more than 0")
        return tuple(replace(each, share=each.share / total) for each in parsed)

    def _branch(self, value: object, path: str, sort: str, *, alone: bool) -> Branch:
        with Fields(value, path) as fields:
            destination = self._destination(fields, "destination")
            weight = fields.number("weight", 100 if alone else 0)
            requests, answers = _headers(fields) if sort == "http" else (HeaderOps(), HeaderOps())
        return Branch(destination, 1.0 if alone else weight, requests, answers)

    def _destination(self, fields: Fields, name: str) -> Destination:
        inner = fields.inside(name)
        if inner is None:
            raise MeshConfigError(f"{fields.path}.{name}: missing; a destination with a host is needed")
        return self._read_destination(inner)

    def _read_destination(self, fields: Fields) -> Destination:
        with fields:
            host = fields.text("host")
            if not host:
                raise MeshConfigError(f"{fields.path}.host: missing; the name of a service is needed")
            port = fields.inside("port")
            number = 0
            if port is not None:
                with port:
                    number = int(port.number("number", 0, low=1, high=65535))
            return Destination(qualified(host, self._namespace, self._domain), fields.text("subset"), number)

    def _mirrors(self, fields: Fields) -> tuple[Mirror, ...]:
        percent = _percent(fields, "mirrorPercentage", 100.0)
        old = fields.number("mirrorPercent", percent * 100, high=100) / 100
        found = []
        if (one := fields.inside("mirror")) is not None:
            found.append(Mirror(self._read_destination(one), min(percent, old)))
        for path, each in fields.each("mirrors"):
            with Fields(each, path) as mirror:
                share = _percent(mirror, "percentage", 100.0)
                found.append(Mirror(self._destination(mirror, "destination"), share))
        return tuple(found)

    def _delegate(self, fields: Fields) -> tuple[str, str] | None:
        inner = fields.inside("delegate")
        if inner is None:
            return None
        with inner:
            return (inner.text("namespace") or self._namespace, inner.text("name"))

    def _stream(self, value: object, path: str, sort: str) -> StreamRule:
        with Fields(value, path) as fields:
            matches = tuple(self._stream_match(each, at, sort) for at, each in fields.each("match"))
            branches = self._branches(fields, sort)
        if not branches:
            raise MeshConfigError(f"{path}.route: missing; a destination is needed")
        return StreamRule(matches, branches)

    def _stream_match(self, value: object, path: str, sort: str) -> StreamMatch:
        with Fields(value, path) as fields:
            return StreamMatch(
                port=int(fields.number("port", 0, high=65535)),
                sni=fields.texts("sniHosts") if sort == "tls" else (),
                source_labels=pairs(fields.mapping("sourceLabels")),
                source_namespace=fields.text("sourceNamespace"),
                gateways=tuple(map(self._gateway, fields.texts("gateways"))),
            )


def _one_way(rule: Rule, target: tuple[str, str] | None, path: str) -> None:
    ways = [bool(rule.branches), rule.answer is not None, target is not None]
    aborts_all = rule.fault.abort is not None and rule.fault.abort[0] >= 1.0
    if sum(ways) > 1 or not (any(ways) or aborts_all):
        raise MeshConfigError(f"{path}: needs exactly one of route, redirect, directResponse, delegate")


def _answer(fields: Fields) -> int | None:
    redirect, direct = fields.inside("redirect"), fields.inside("directResponse")
    if redirect is not None:
        with redirect:
            for name in ("uri", "authority", "scheme", "port", "derivePort"):
                redirect.take(name)
            return int(redirect.number("redirectCode", 301, low=300, high=399))
    if direct is None:
        return None
    with direct:
        direct.take("body")
        return int(direct.number("status", 0, low=200, high=599))


def _retry(fields: Fields) -> Retry:
    inner = fields.inside("retries")
    if inner is None:
        return Retry()
    with inner:
        attempts = int(inner.number("attempts", 2, high=MOST_RETRIES))
        conditions = tuple(each.strip() for each in inner.text("retryOn").split(",") if each.strip())
        for name in conditions:
            if name not in RETRY_ON and not (name.isdecimal() and len(name) == 3):
                allowed = ", ".join(sorted(RETRY_ON))
                raise MeshConfigError(f"{inner.path}.retryOn: {name!r}; allowed are {allowed} and HTTP codes")
        per_try = inner.duration("perTryTimeout")
        inner.no_effect("retryRemoteLocalities", "retryIgnorePreviousHosts", "backoff")
    return Retry(attempts, conditions or DEFAULT_RETRY_ON, per_try)


def _fault(fields: Fields) -> Fault:
    inner = fields.inside("fault")
    if inner is None:
        return Fault()
    delay: tuple[float, float] | None = None
    abort: tuple[float, int, int | None] | None = None
    with inner:
        if (late := inner.inside("delay")) is not None:
            with late:
                delay = (_percent(late, "percentage", 100.0), late.duration("fixedDelay") or 0.0)
        if (cut := inner.inside("abort")) is not None:
            with cut:
                abort = _abort(cut)
    return Fault(delay, abort)


def _abort(fields: Fields) -> tuple[float, int, int | None]:
    share = _percent(fields, "percentage", 100.0)
    if "grpcStatus" in fields:
        code = grpc_code(str(fields.take("grpcStatus")), f"{fields.path}.grpcStatus")
        return (share, 200, code)
    return (share, int(fields.number("httpStatus", 0, low=200, high=599)), None)


def _percent(fields: Fields, name: str, default: float) -> float:
    """The share 0..1 of a `percentage: {value: 0..100}`."""
    inner = fields.inside(name)
    if inner is None:
        return default / 100
    with inner:
        return inner.number("value", 0.0, high=100) / 100


def _headers(fields: Fields) -> tuple[HeaderOps, HeaderOps]:
    inner = fields.inside("headers")
    if inner is None:
        return HeaderOps(), HeaderOps()
    with inner:
        return _header_ops(inner.inside("request")), _header_ops(inner.inside("response"))


def _header_ops(fields: Fields | None) -> HeaderOps:
    if fields is None:
        return HeaderOps()
    with fields:
        return HeaderOps(
            set=_lowered(fields.mapping("set")),
            add=_lowered(fields.mapping("add")),
            remove=tuple(name.lower() for name in fields.texts("remove")),
        )


def _lowered(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in pairs(given))
