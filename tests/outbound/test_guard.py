"""Which addresses may be called: not what only the controller or its node can reach, however it is written."""

from ipaddress import ip_network

import pytest

from delivery.outbound.guard import Guard, guard_for, literal
from delivery.outbound.outgoing import RefusedAddressError

REFUSED = [
    "127.0.0.1",
    "127.8.9.1",
    "::1",
    "0.0.0.0",
    "::",
    "169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "224.0.0.1",
    "255.255.255.255",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "64:ff9b:1::a9fe:a9fe",
    "::ffff:0:169.254.169.254",
    "fd12:3456::5efe:7f00:1",
    "fd12:3456::200:5efe:a9fe:a9fe",
]
ALLOWED = [
    "10.96.12.7",
    "192.168.1.1",
    "172.16.0.9",
    "fd12:3456::7",
    "93.184.216.34",
    "2606:4700::1111",
    "64:ff9b::5db8:d822",
    "64:ff9b:1::5db8:d822",
    "64:ff9b:1:a00::",
]


@pytest.mark.parametrize("address", REFUSED)
def test_what_only_the_controller_can_reach_is_refused(address: str) -> None:
    with pytest.raises(RefusedAddressError, match="hook is refused"):
        Guard().check(address, where="hook")


@pytest.mark.parametrize("address", ALLOWED)
def test_services_of_the_cluster_and_the_rest_of_the_world_are_not(address: str) -> None:
    Guard().check(address, where="hook")


@pytest.mark.parametrize("address", ["10.96.0.1", "::ffff:10.96.0.1", "64:ff9b::a60:1"])
def test_the_api_server_is_refused_although_it_is_a_service_like_others(address: str) -> None:
    with pytest.raises(RefusedAddressError, match=r"10\.96\.0\.1 is the API server"):
        Guard().check(address, where="hook", api_server=["10.96.0.1"])


def test_what_is_allowed_by_name_is_allowed_whatever_it_is() -> None:
    guard = Guard(allowed=(ip_network("127.0.0.0/8"),))
    guard.check("127.0.0.1", where="hook")
    with pytest.raises(RefusedAddressError):
        guard.check("169.254.169.254", where="hook")


def test_only_what_is_named_may_be_called_when_the_operator_says_so() -> None:
    guard = Guard(allowed=(ip_network("10.0.0.0/8"),), only=True)
    guard.check("10.1.2.3", where="hook")
    with pytest.raises(RefusedAddressError, match="not among those that --webhook-allow names"):
        guard.check("93.184.216.34", where="hook")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "127.0.0.1.", "0x"])
def test_a_number_in_disguise_is_refused(host: str) -> None:
    with pytest.raises(RefusedAddressError, match="four decimal numbers"):
        literal(host, where="hook")


def test_names_are_no_addresses() -> None:
    assert literal("gate.test.svc.cluster.local", where="hook") is None
    assert literal("10.1.2.3", where="hook") == "10.1.2.3"
    assert literal("v2.hooks-1", where="hook") is None


def test_what_the_flag_says() -> None:
    assert guard_for("") == Guard()
    assert guard_for("127.0.0.0/8, ::1") == Guard(allowed=(ip_network("127.0.0.0/8"), ip_network("::1")))
    assert guard_for("=10.0.0.0/8").only
    for wrong in ("gate.example", "10.0.0.1/8", "=a b", "=10.0.0"):
        with pytest.raises(ValueError, match="networks or addresses"):
            guard_for(wrong)


def test_names_may_be_the_only_ones_and_what_they_lead_to_is_still_looked_at() -> None:
    guard = guard_for("=hooks.slack.com,*.svc.cluster.local")
    guard.check("93.184.216.34", where="hook", host="hooks.slack.com")
    guard.check("10.96.3.4", where="hook", host="gate.test.svc.cluster.local.")
    for address, host in (("93.184.216.34", "evil.com"), ("127.0.0.1", "hooks.slack.com"), ("10.0.0.1", "")):
        with pytest.raises(RefusedAddressError):
            guard.check(address, where="hook", host=host)
