"""Which addresses may be called.

Cluster Services and the rest of the world may; what only this process or its node can reach may not. An address counts
as what it leads to: IPv4 inside of IPv6 (mapped, 6to4, NAT64, Teredo) is looked at too.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from delivery.outbound.outgoing import RefusedAddressError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED: tuple[tuple[str, str], ...] = (
    ("127.0.0.0/8", "loopback"),
    ("::1/128", "loopback"),
    ("0.0.0.0/8", "this host"),
    ("::/128", "this host"),
    ("169.254.0.0/16", "link-local, where nodes serve their metadata"),
    ("fe80::/10", "link-local"),
    ("fd00:ec2::/32", "a metadata service"),
    ("fd20:ce::254/128", "a metadata service"),
    ("100.100.100.200/32", "a metadata service"),
    ("168.63.129.16/32", "a metadata service"),
    ("192.0.0.0/24", "a metadata service"),
    ("224.0.0.0/4", "multicast"),
    ("ff00::/8", "multicast"),
    ("240.0.0.0/4", "reserved"),
)
"""Networks that are refused unless they are allowed, and what they are (RFC 6890 and the clouds' own pages)."""

_NETWORKS = tuple((ip_network(network), what) for network, what in REFUSED)
_NAT64 = ip_network("64:ff9b::/96")
_NAME = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
ALLOWED = (
    "networks or addresses with commas between them, such as 127.0.0.0/8,10.1.2.3; with = in front only these, and "
    "names such as hooks.slack.com or *.svc.cluster.local"
)
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Says no to addresses. `api_server` are the hosts of the API server, names or addresses.

    `allowed`: these networks may be called whatever they are. With `only`, nothing else may, not even what would be
    harmless, but for hosts of these `names`: as they are, or with *. in front for all below.
    """

    allowed: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()
    only: bool = False
    api_server: tuple[str, ...] = ()

    def check(self, address: str, *, where: str, host: str = "", api_server: Iterable[str] = ()) -> None:
        """Raises RefusedAddressError for an address, in its numeric form, that must not be called.

        `where` is how people know it, `host` the name that led to it; `api_server` are the addresses that the API
        server has now.
        """
        given = _parsed(address)
        if any(given in network for network in self.allowed if network.version == given.version):
            return
        if self.only and not self._named(host):
            raise RefusedAddressError(f"{where} is refused: {given} is not among those that --webhook-allow names")
        servers = {_parsed(each) for each in api_server}
        for each in (given, *_within(given)):
            if each in servers:
                raise RefusedAddressError(f"{where} is refused: {each} is the API server")
            for network, what in _NETWORKS:
                if each.version == network.version and each in network:
                    raise RefusedAddressError(f"{where} is refused: {each} is {what}; --webhook-allow can allow it")

    def check_name(self, host: str, *, where: str) -> None:
        """Raises RefusedAddressError for a name whose addresses nobody here knows, where only some may be called."""
        if self.only and not self._named(host):
            raise RefusedAddressError(f"{where} is refused: {host} is not among those that --webhook-allow names")

    def _named(self, host: str) -> bool:
        host = host.lower().rstrip(".")
        return any(host.endswith(name[1:]) if name.startswith("*.") else host == name for name in self.names)


def literal(host: str, *, where: str) -> str | None:
    """The address that a host is, if it is one and no name. Raises RefusedAddressError for numbers in disguise.

    2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1 to some resolvers and names to others.
    """
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise RefusedAddressError(f"{where} is refused: an IPv4 address is written as four decimal numbers")
    return None


def guard_for(given: str, *, api_server: tuple[str, ...] = ()) -> Guard:
    """What `--webhook-allow` says: networks and addresses with commas between them. With `=` in front, nothing else may
    be called, and names may stand among them. Raises ValueError with what is allowed.
    """
    only = given.startswith("=")
    words = [word.lower() for each in given.removeprefix("=").split(",") if (word := each.strip())]
    allowed, names = [], []
    for word in words:
        try:
            allowed.append(ip_network(word))
        except ValueError:
            if not only or not _NAME.fullmatch(word) or _NUMBER.fullmatch(word.rpartition(".")[2]):
                raise ValueError(ALLOWED) from None
            names.append(word)
    return Guard(allowed=tuple(allowed), names=tuple(names), only=only, api_server=api_server)


def _parsed(address: str) -> Address:
    return ip_address(address.partition("%")[0])


def _within(address: Address) -> tuple[Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to."""
    if not isinstance(address, IPv6Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or int(address) >> 32 == 0:  # NAT64, and the old form ::a.b.c.d
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(each for each in found if each is not None)
