"""Which addresses may be called.

Cluster Services and the rest of the world may; what only this process or its node can reach may not. An address counts
as what it leads to: IPv4 inside of IPv6 (mapped, 6to4, NAT64, Teredo, ISATAP) is looked at too.
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

_TRANSLATED = tuple(
    IPv6Network(network)
    for network in (
        "64:ff9b::/96",  # NAT64, RFC 6052
        "64:ff9b:1::/48",  # NAT64 within one's own network, RFC 8215, in the usual form
        "::/96",  # the old form ::a.b.c.d
        "::ffff:0:0:0/96",  # translated without a state, RFC 2765
    )
)
"""Where the last 32 bits are the IPv4 address that is meant."""
_ISATAP, _ISATAP_MASK = 0x5EFE << 32, 0xFCFFFFFF << 32
"""The lower half of an address of RFC 5214: 0000:5efe or 0200:5efe and the IPv4 address."""
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
    harmless, but for hosts of these `names`: as they are, or with *. in front for all below. Who narrows to a network
    does not mean the API server in it: then that has to be named by its address.
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
        if self.allows(address):
            return
        given = _parsed(address)
        within = self._within(given)
        if self.only and not within and not self._named(host):
            raise RefusedAddressError(f"{where} is refused: {given} is not among those that --webhook-allow names")
        servers = {each for server in api_server for each in _meanings(_parsed(server))}
        for each in _meanings(given):
            if each in servers:
                raise RefusedAddressError(f"{where} is refused: {each} is the API server")
            for network, what in () if within else _NETWORKS:
                if each.version == network.version and each in network:
                    raise RefusedAddressError(f"{where} is refused: {each} is {what}; --webhook-allow can allow it")

    def allows(self, address: str) -> bool:
        """Whether an address may be called whatever it is."""
        return any(not self.only or each.num_addresses == 1 for each in self._within(_parsed(address)))

    def _within(self, given: Address) -> tuple[Network, ...]:
        return tuple(each for each in self.allowed if each.version == given.version and given in each)

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


def _meanings(address: Address) -> tuple[Address, ...]:
    """An address, and the IPv4 addresses that it leads to."""
    if not isinstance(address, IPv6Address):
        return (address,)
    whole = int(address)
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    last = IPv4Address(whole & 0xFFFFFFFF)
    translated = int(last) > 0 and any(address in network for network in _TRANSLATED)
    if translated or whole & _ISATAP_MASK == _ISATAP:
        found.append(last)
    return (address, *(each for each in found if each is not None))
