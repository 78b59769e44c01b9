"""Flows: what one load does at one proxy, as rates that hold until something changes.

A plan is worked out when a proxy hears of something, a pod changes, or a behaviour does; between changes time only
multiplies. So traffic costs by change and by scrape, not by request.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from delivery.sandbox.mesh.attempts import QUICK, Attempts, Ending, Group, seen
from delivery.sandbox.mesh.behaviour import Answer, Moment
from delivery.sandbox.mesh.control_plane import CLUSTERS, ENDPOINTS, ROUTES, ControlPlane
from delivery.sandbox.mesh.hosts import parts_of, qualified
from delivery.sandbox.mesh.latency import Latency, mean_ms
from delivery.sandbox.mesh.ledger import LOST_FLAGS, Fate, Ledger, Meeting, Tally
from delivery.sandbox.mesh.load import Load
from delivery.sandbox.mesh.pods import Pod
from delivery.sandbox.mesh.proxies import Proxy
from delivery.sandbox.mesh.routes import Branch, Destination, Retry, Rule, StreamMatch, StreamRule, Table
from delivery.sandbox.mesh.telemetry import Series, Telemetry, To

NO_ROUTE = Answer(404, "NR")
NO_CLUSTER = Answer(503, "NC")
NO_ENDPOINT = Answer(503, "UH")

Dependency = tuple[object, ...]
"""Something that a plan was worked out from: a table of a proxy, a pod, the truth about a host."""


@dataclass(slots=True)
class PodFlow:
    """Requests of one load, through one proxy, that reach a pod: per second, and for how long each stays."""

    rate: float = 0.0
    mean_ms: float = 0.0
    to: To = ("", "")


@dataclass(slots=True)
class Plan:
    """Rates per second: of series, of meetings, and of what reaches each pod (by uid)."""

    series: list[tuple[Series, Latency, float]] = field(default_factory=list)
    meetings: list[tuple[Tally, float]] = field(default_factory=list)
    pods: dict[str, PodFlow] = field(default_factory=dict)
    needs: set[Dependency] = field(default_factory=set)


@dataclass(slots=True)
class Planner:
    """Works out plans from what is true now. `pods` by uid."""

    control: ControlPlane
    telemetry: Telemetry
    ledger: Ledger
    pods: Mapping[str, Pod]
    now: float = 0.0

    def plan(self, load: Load, proxy: Proxy, rate: float) -> Plan:
        """The plan of `rate` requests per second of a load through a proxy."""
        return _Planning(self, load, proxy).plan(rate)

    def decide(self, load: Load, proxy: Proxy) -> Rule | None:
        """The rule that decides about a load's requests at a proxy; None: no rule does (404)."""
        return _Planning(self, load, proxy).rule()[0]


class _Planning:
    """One plan on its way."""

    def __init__(self, around: Planner, load: Load, proxy: Proxy) -> None:
        self._around, self._load, self._proxy = around, load, proxy
        self._domain = around.control.domain
        self._host = _host(load, self._domain)
        self._asked = parts_of(self._host, self._domain) or ("", self._host)
        self._plan = Plan()

    def plan(self, rate: float) -> Plan:
        rule, port = self.rule()
        if rule is None:
            self._unmet(NO_ROUTE, self._asked, rate)
            return self._plan
        rate -= self._aborted(rule, rate)
        for share, extra_ms in _delays(rule):
            if rule.answer is not None:
                self._series(None, self._asked, Answer(rule.answer), replace(QUICK, offset_ms=extra_ms), rate * share)
                self._meet(Fate.SERVED, None, self._asked, Answer(rule.answer), rate * share)
            for branch in rule.branches:
                if branch.share:
                    self._branch(branch, rule, port, rate * share * branch.share, extra_ms)
        for mirror in rule.mirrors:
            self._mirror(mirror.destination, port, rate * mirror.share)
        return self._plan

    # -- routes

    def rule(self) -> tuple[Rule | None, int]:
        """The rule for this load, and the port asked for."""
        load, proxy = self._load, self._proxy
        self._plan.needs.add((ROUTES, proxy.number, self._host))
        host, table = proxy.table(load, self._host)
        if host is None:
            return None, 0
        port = load.port or next(iter(host.ports or (80,)))
        if not load.gateway and port not in (host.ports or (80,)):
            return None, port
        if not load.is_http:
            return self._stream(table, port), port
        if table is None or not (table.http or host.ports is None):
            return _straight(self._host), port
        return self._first(table, port), port

    def _first(self, table: Table, port: int) -> Rule | None:
        for rule in table.http:
            if all(
                any(match.holds(self._load, port=port, host=self._host) for match in matches)
                for matches in rule.conditions
            ):
                return rule
        return None

    def _stream(self, table: Table | None, port: int) -> Rule | None:
        rules: Sequence[StreamRule] = ()
        if table is not None:
            rules = (*(table.tls if self._load.protocol == "tls" else ()), *table.tcp)
        for rule in rules:
            if not rule.matches or any(_streams(match, self._load, port) for match in rule.matches):
                return Rule(branches=rule.branches, retry=Retry(attempts=0))
        return replace(_straight(self._host), retry=Retry(attempts=0))

    def _aborted(self, rule: Rule, rate: float) -> float:
        """The rate that a fault answers; the proxy's own work, no pod's."""
        if rule.fault.abort is None:
            return 0.0
        share, code, grpc = rule.fault.abort
        answer = Answer(code, "FI", grpc)
        self._series(None, self._asked, answer, QUICK, rate * share)
        self._meet(Fate.BAD if answer.is_bad else Fate.SERVED, None, self._asked, answer, rate * share)
        return rate * share

    # -- destinations

    def _branch(self, branch: Branch, rule: Rule, port: int, rate: float, extra_ms: float) -> None:
        to, uids = self._endpoints(branch.destination, port)
        if uids is None or not uids:
            self._unmet(NO_CLUSTER if uids is None else NO_ENDPOINT, to, rate)
            return
        groups = self._groups(uids)
        shares = Attempts([group for group, _ in groups], rule.retry, rule.timeout_seconds).shares()
        members = [pods for _, pods in groups]
        self._tries(shares.tries, members, to, rate)
        healthy = self._has_ready(branch.destination, uids)
        self._plan.needs.add(("truth", branch.destination.host))
        for (group, answer, latency), share in shares.ends.items():
            slow = replace(latency, offset_ms=latency.offset_ms + extra_ms) if extra_ms else latency
            if group is None:
                self._series(None, to, answer, slow, rate * share)
                self._meet(Fate.LOST if answer.flags in LOST_FLAGS else Fate.BAD, None, to, answer, rate * share)
                continue
            pods = members[group]
            for pod in pods:
                self._end(pod, to, answer, slow, rate * share / len(pods), healthy=healthy)

    def _has_ready(self, destination: Destination, uids: Iterable[str]) -> bool:
        """Is there a ready pod behind it, as it is now? If it is no more, among those that it had."""
        now: tuple[str, ...] | None = self._around.control.tables[ENDPOINTS].get(_key(destination))
        if now is not None:
            return bool(now)
        return any(uid in self._around.pods and self._around.pods[uid].ready for uid in uids)

    def _end(self, pod: Pod, to: To, answer: Answer, latency: Latency, rate: float, *, healthy: bool) -> None:
        self._series(pod, to, answer, latency, rate)
        self._meet(Fate.BAD if seen(answer, grpc=self._grpc).is_bad else Fate.SERVED, pod, to, answer, rate)
        if not healthy:
            self._meet(Fate.UNREADY, pod, to, answer, rate)

    def _mirror(self, destination: Destination, port: int, rate: float) -> None:
        """Copies: pods see them, callers see nothing of them."""
        to, uids = self._endpoints(destination, port)
        if uids:
            groups = self._groups(uids)
            shares = Attempts([group for group, _ in groups], Retry(attempts=0), None).shares()
            self._tries(shares.tries, [pods for _, pods in groups], to, rate)

    def _endpoints(self, destination: Destination, port: int) -> tuple[To, tuple[str, ...] | None]:
        key = _key(destination)
        number = self._proxy.number
        self._plan.needs |= {(CLUSTERS, number, destination.host), (ENDPOINTS, number, destination.host)}
        to = parts_of(destination.host, self._domain) or ("", destination.host)
        known = self._proxy.cluster(key)
        if known is None:
            return to, None
        ports = known[0].ports
        asked = destination.port or (ports[0] if len(ports) == 1 else port)
        return to, known[1] if not ports or asked in ports else None

    def _groups(self, uids: Iterable[str]) -> list[tuple[Group, list[Pod]]]:
        """Pods that answer alike, together. Those that are gone are counted and not named."""
        alike: dict[tuple[Moment | None, float], list[Pod | None]] = {}
        for uid in uids:
            pod = self._around.pods.get(uid)
            self._plan.needs.add(("pod", uid))
            moment = None if pod is None else pod.moment(self._around.now)
            overload = pod.overload if pod is not None and moment is not None else 0.0
            alike.setdefault((moment, overload), []).append(pod)
        return [
            (Group(moment, overload, len(pods)), [pod for pod in pods if pod is not None])
            for (moment, overload), pods in alike.items()
        ]

    # -- accounts

    @property
    def _grpc(self) -> bool:
        return self._load.protocol == "grpc"

    def _tries(self, tries: Mapping[Ending, float], members: list[list[Pod]], to: To, rate: float) -> None:
        for (group, answer, latency), share in tries.items():
            if group is None:
                continue
            for pod in members[group]:
                part = rate * share / len(members[group])
                series = self._around.telemetry.at_pod(self._load, pod, to, seen(answer, grpc=self._grpc))
                self._plan.series.append((series, latency, part))
                flow = self._plan.pods.setdefault(pod.uid, PodFlow(to=to))
                total = flow.rate + part
                if total:
                    flow.mean_ms = (flow.mean_ms * flow.rate + mean_ms(latency) * part) / total
                flow.rate = total

    def _unmet(self, answer: Answer, to: To, rate: float) -> None:
        """No pod was even tried."""
        self._series(None, to, answer, QUICK, rate)
        self._meet(Fate.LOST, None, to, answer, rate)

    def _series(self, pod: Pod | None, to: To, answer: Answer, latency: Latency, rate: float) -> None:
        if rate:
            told = seen(answer, grpc=self._grpc)
            self._plan.series.append((self._around.telemetry.at_caller(self._load, pod, to, told), latency, rate))

    def _meet(self, fate: Fate, pod: Pod | None, to: To, answer: Answer, rate: float) -> None:
        if rate:
            meeting = meeting_of(self._load, self._asked[1], fate, pod, to, answer)
            self._plan.meetings.append((self._around.ledger.tally(meeting), rate))


def meeting_of(load: Load, service: str, fate: Fate, pod: Pod | None, to: To, answer: Answer) -> Meeting:
    """What the ledger tells apart."""
    return Meeting(
        fate=fate,
        namespace=load.namespace,
        service=service,
        destination=to[1],
        source=load.source,
        flag=answer.flags,
        code=answer.code,
        workload=pod.workload if pod else "",
        version=str(pod.labels.get("version", "")) if pod else "",
        image=pod.image if pod else "",
    )


def _host(load: Load, domain: str) -> str:
    if load.gateway and load.authority:
        return load.authority
    return qualified(load.service, load.namespace, domain)


def _key(destination: Destination) -> tuple[str, str]:
    return (destination.host, destination.subset)


def _straight(host: str) -> Rule:
    """What a proxy does for a Service that no rule speaks of."""
    return Rule(branches=(Branch(Destination(host), 1.0),))


def _delays(rule: Rule) -> list[tuple[float, float]]:
    """(share, extra milliseconds) of requests that a fault delays, and of the others."""
    if rule.fault.delay is None:
        return [(1.0, 0.0)]
    share, seconds = rule.fault.delay
    return [each for each in ((share, seconds * 1000), (1.0 - share, 0.0)) if each[0]]


def _streams(match: StreamMatch, load: Load, port: int) -> bool:
    return (
        (not match.port or match.port == port)
        and (not match.sni or any(_covers(pattern, load.sni) for pattern in match.sni))
        and set(match.source_labels) <= set(load.labels.items())
        and match.source_namespace in ("", load.client_namespace)
        and (not match.gateways or (load.gateway or "mesh") in match.gateways)
    )


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.startswith("*") and name.endswith(pattern[1:]))
