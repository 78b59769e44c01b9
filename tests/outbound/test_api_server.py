"""The API server is nobody's webhook: not by its name, not by its Service, not by the addresses behind it."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog
from aiohttp import web
from structlog.testing import capture_logs

from delivery.cluster.errors import ClusterError, Denied, Gone, Unavailable
from delivery.cluster.objects import Object, Ref
from delivery.outbound.api_server import AGAIN_SECONDS, FRESH_SECONDS, OWN, READ_SECONDS, Endpoints, addresses, hosts
from delivery.outbound.guard import Guard, guard_for
from delivery.outbound.outgoing import OutboundError, Outgoing, RefusedAddressError
from tests.outbound.test_caller import Names, calling, serving


@dataclass
class Clock:
    """Time that somebody sets."""

    seconds: float = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> Any:
        raise AssertionError("nobody needs the date")


def slice_of(*found: str) -> Object:
    return {"addressType": "IPv4", "endpoints": [{"addresses": [each]} for each in found]}


@dataclass
class Api:
    """An API server that knows its own addresses, or says no."""

    says: Object | ClusterError = field(default_factory=lambda: slice_of("10.0.0.5", "10.0.0.6"))
    older: Object | None = None
    asked: list[tuple[Ref, float]] = field(default_factory=list)

    async def get(self, ref: Ref, *, timeout: float = 10.0) -> Object:
        self.asked.append((ref, timeout))
        says = self.older if self.older is not None and ref == OWN[1] else self.says
        if isinstance(says, ClusterError):
            raise says
        return says


async def test_they_are_read_once_in_ten_minutes_and_only_when_somebody_asks() -> None:
    api, clock = Api(), Clock()
    endpoints = Endpoints(api, clock)
    for _ in range(100):
        clock.seconds += 5.9
        assert await endpoints.known() == ("10.0.0.5", "10.0.0.6")
    assert api.asked == [(OWN[0], READ_SECONDS)]
    clock.seconds += FRESH_SECONDS
    api.says = slice_of("10.0.0.7")
    assert await endpoints.known() == ("10.0.0.7",)
    assert len(api.asked) == 2


async def test_what_was_known_is_kept_while_the_api_server_is_away_and_it_is_not_pressed() -> None:
    api, clock = Api(), Clock()
    endpoints = Endpoints(api, clock)
    known = await endpoints.known()
    api.says = Unavailable("connection refused")
    clock.seconds += FRESH_SECONDS
    for _ in range(10):
        assert await endpoints.known() == known
    assert len(api.asked) == 2
    api.says = slice_of("10.0.0.7")
    clock.seconds += AGAIN_SECONDS
    assert await endpoints.known() == ("10.0.0.7",)


@pytest.mark.parametrize(("error", "level"), [(Denied("forbidden"), "warning"), (Gone("no such kind"), "info")])
async def test_a_missing_permission_is_said_and_not_asked_for_at_every_call(error: ClusterError, level: str) -> None:
    structlog.reset_defaults()
    api, clock = Api(says=error), Clock()
    endpoints = Endpoints(api, clock)
    with capture_logs() as lines:
        for _ in range(10):
            clock.seconds += 30
            assert await endpoints.known() == ()
    assert [line["log_level"] for line in lines] == [level]
    assert ("deploy/api-server" in lines[0].get("hint", "")) is (level == "warning")


async def test_an_old_api_server_keeps_them_in_endpoints() -> None:
    older = {"subsets": [{"addresses": [{"ip": "10.0.0.5"}, {"ip": "10.0.0.6"}]}, {"notReadyAddresses": []}]}
    assert await Endpoints(Api(says=Gone("no such kind"), older=older), Clock()).known() == ("10.0.0.5", "10.0.0.6")


def test_odd_slices_are_no_reason_to_die() -> None:
    assert addresses({}) == ()
    assert addresses({"endpoints": None}) == ()
    assert addresses({"endpoints": [{}, {"addresses": ["api.example.com", "fd00::1"]}]}) == ("fd00::1",)


def test_the_hosts_are_those_that_this_process_has() -> None:
    inside = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    service = "kubernetes.default.svc.cluster.local"
    assert hosts("https://10.96.0.1:443", cluster_domain="cluster.local", environment=inside) == ("10.96.0.1", service)
    assert hosts("https://api.example.com:6443", cluster_domain="corp", environment=inside) == (
        "api.example.com", "10.96.0.1", "kubernetes.default.svc.corp",
    )  # fmt: skip
    assert hosts("https://127.0.0.1:6443", cluster_domain="cluster.local", environment={}) == ("127.0.0.1",)


@pytest.mark.parametrize(
    "host",
    ["127.9.9.9", "plain.test", "deep.test", "[::ffff:127.9.9.9]", "[64:ff9b::7f09:909]", "[64:ff9b:1::7f09:909]"],
)
async def test_no_call_reaches_an_address_behind_the_service(host: str) -> None:
    heard: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response()

    names = Names({"plain.test": ["127.9.9.9"], "deep.test": ["127.9.9.8", "::ffff:127.9.9.9"]})
    guard = guard_for("=127.0.0.0/8,::/0")  # loopback stands for a network whose other addresses may be called
    async with serving(answer) as url, calling(guard, lookup=names, endpoints=_known("127.9.9.9")) as caller:
        port = url.rpartition(":")[2]
        assert (await caller.send(Outgoing(url=url))).ok
        with pytest.raises(RefusedAddressError, match=r"127\.9\.9\.9 is the API server"):
            await caller.send(Outgoing(url=f"http://{host}:{port}/"))
    assert heard == ["/"]


async def test_no_redirect_leads_to_an_address_behind_the_service() -> None:
    async def moved(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "http://127.9.9.9:6443/api/v1/secrets"})

    guard = guard_for("=127.0.0.0/8")
    async with serving(moved) as url, calling(guard, endpoints=_known("127.9.9.9")) as caller:
        with pytest.raises(RefusedAddressError, match="is the API server"):
            await caller.send(Outgoing(url=url))


@pytest.mark.parametrize("written", ["10.0.0.5", "::ffff:10.0.0.5", "64:ff9b::a00:5", "::ffff:0:10.0.0.5"])
@pytest.mark.parametrize("known", ["10.0.0.5", "::ffff:10.0.0.5"])
def test_the_api_server_is_known_in_every_spelling_of_its_address(written: str, known: str) -> None:
    with pytest.raises(RefusedAddressError, match="is the API server"):
        Guard().check(written, where="hook", api_server=[known])


def test_who_narrows_to_a_network_does_not_open_the_api_server_in_it() -> None:
    guard = guard_for("=10.0.0.0/8,192.168.0.9")
    guard.check("10.0.0.6", where="hook", api_server=["10.0.0.5", "192.168.0.9"])
    guard.check("192.168.0.9", where="hook", api_server=["192.168.0.9"])
    with pytest.raises(RefusedAddressError, match="is the API server"):
        guard.check("10.0.0.5", where="hook", api_server=["10.0.0.5"])


async def test_a_name_of_the_api_server_that_cannot_be_resolved_is_said_in_the_error() -> None:
    names = Names({"hooks.test": ["203.0.113.7"]})
    guard = Guard(api_server=("api.example.com",))
    async with calling(guard, lookup=names) as caller:
        for host in ("hooks.test", "203.0.113.7"):
            with pytest.raises(OutboundError) as told:
                await caller.send(Outgoing(url=f"http://{host}/"))
            assert "api.example.com cannot be resolved (api.example.com is not known)" in str(told.value)
            assert host in str(told.value)
        assert not isinstance(told.value, RefusedAddressError)  # a name service that is back makes it right


async def test_a_name_that_leads_nowhere_is_no_way_to_the_api_server() -> None:
    """As `kubernetes.default` is where the cluster's domain is another."""
    heard: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response()

    names = Names({"hooks.test": ["127.0.0.1"]}, clear=True)
    guard = Guard(allowed=guard_for("127.0.0.0/8").allowed, only=True, api_server=("kubernetes.default.svc.corp",))
    async with serving(answer) as url, calling(guard, lookup=names) as caller:
        assert (await caller.send(Outgoing(url=url.replace("127.0.0.1", "hooks.test")))).ok
    assert heard == ["/"]


async def test_who_is_allowed_anyway_costs_no_look_at_the_api_server() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    guard = Guard(allowed=guard_for("127.0.0.0/8").allowed, api_server=("api.example.com",))
    async with serving(answer) as url, calling(guard, lookup=Names()) as caller:
        assert (await caller.send(Outgoing(url=url))).ok


@dataclass
class _Known:
    found: tuple[str, ...]

    async def known(self) -> tuple[str, ...]:
        return self.found


def _known(*found: str) -> _Known:
    return _Known(found)
