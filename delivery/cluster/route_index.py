"""By what routes of the user are found: where they lead, whose note they carry, and which Canaries name them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from delivery.cluster.objects import GROUP, Object

CLAIM_PREFIX = f"{GROUP}/routes-"
"""Begins the annotations on VirtualServices of the user whose weights a Canary moves."""


def destination_hosts(body: Object) -> Iterable[str]:
    """The hosts that the routes of a VirtualService lead to, as they stand there."""
    spec = _mapping(body.get("spec"))
    for protocol in ("http", "tcp", "tls"):
        for rule in _mappings(spec.get(protocol)):
            for item in _mappings(rule.get("route")):
                yield str(_mapping(item.get("destination")).get("host", ""))


def by_destination(body: Object) -> Iterable[str]:
    """An index by the first word of each host that is led to."""
    return dict.fromkeys(host.split(".", 1)[0] for host in destination_hosts(body))


def by_claim(body: Object) -> Iterable[str]:
    """An index by the Canaries that have noted something."""
    for key, text in (body["metadata"].get("annotations") or {}).items():
        if key.startswith(CLAIM_PREFIX):
            try:
                yield str(_mapping(json.loads(str(text))).get("canary", ""))
            except ValueError:
                continue


def references_of(canary: Object) -> Iterable[tuple[str, str]]:
    """Namespace and name of each VirtualService that a Canary's routeRefs name."""
    own = canary["metadata"].get("namespace", "")
    for each in _mappings(_mapping(canary.get("spec")).get("routeRefs")):
        yield str(each.get("namespace") or own), str(each.get("name", ""))


def by_reference(body: Object) -> Iterable[str]:
    """An index by the VirtualServices that a Canary names."""
    return [f"{namespace}/{name}" for namespace, name in references_of(body)]


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}  # an index must not die of one odd object
