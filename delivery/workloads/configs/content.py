"""What makes the contents of two configs differ, said in a way that does not tell what they are.

A digest stands in a Canary's status, in names of copies and in logs, where people read who may not read Secrets. A
plain hash of a short password is as good as the password: everybody can try all of them. So the digest of a Secret is
keyed with something that only those know who may read it anyway: the uid that the API server gave it. A Secret that is
deleted and created again (some tools renew them so) gets a new uid although nothing changed; so the first uid is noted
on every copy that we make of it, as its salt, and goes on being the key as long as there is a copy.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod

from delivery.cluster.objects import SECRETS, Kind, Object
from delivery.workloads.configs.references import Config
from delivery.workloads.ownership import annotations

Digests = Mapping[Config, str]
"""What the tracked configs of one revision hold."""

DIGITS = 12  # 48 bits: enough to tell the contents of one config apart

SECRET_TYPES = frozenset(
    {"", "Opaque", "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls"},
)
"""The types of Secrets that a program reads; others are for the kubelet or the API server, or for tools (Helm)."""

OPT_OUT = ("progressive.delivery/config-tracking", "flagger.app/config-tracking")
"""Annotations on a config; a value that begins with "disable" keeps it out of revisions."""


def opted_out(body: Object) -> bool:
    """Do its people want it out of revisions? Metadata is enough to tell."""
    return any(str(annotations(body).get(name, "")).startswith("disable") for name in OPT_OUT)


def is_tracked(kind: Kind, body: Object) -> bool:
    """Is it of a type that a program reads? Of the whole object."""
    return kind != SECRETS or str(body.get("type") or "") in SECRET_TYPES


def digest(body: Object, *, canary: str, salt: str) -> str:
    """What a config holds, in 12 hexadecimal digits. Of the whole object.

    The order of keys, empty members and `immutable`, which changes no content, do not matter. The config's name
    and the Canary's are part of it, because digests name copies: equal contents must not share one.
    """
    content = {field: body[field] for field in ("data", "binaryData", "type") if body.get(field)}
    text = json.dumps([body["metadata"]["name"], content], sort_keys=True, separators=(",", ":"))
    key = json.dumps([canary, salt])
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:DIGITS]


def combined(digests: Digests) -> str:
    """What all configs of a revision hold, in 12 hexadecimal digits; "" without any."""
    if not digests:
        return ""
    rows = [[str(config), digests[config]] for config in sorted(digests)]
    text = json.dumps(rows, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


LIMIT = 4096
"""How many combinations are tried at the most to find out what a revision was made of."""


def recalled(wanted: str, candidates: Mapping[Config, Sequence[str]]) -> dict[Config, str] | None:
    """Which of the candidates make the `combined` digest that is wanted; None if none do.

    So a revision needs no list of its contents beside it: its copies are there, and the digest says which belong
    together. There are a few of each config at the most (promoted, analysed, edited since). A config may also have
    been no part of the revision (it came later, or its people wanted it out then). When more than LIMIT combinations
    would have to be tried, it counts as not to be found.
    """
    configs = sorted(config for config, each in candidates.items() if each)
    if prod(len(candidates[config]) for config in configs) * (len(configs) + 1) > LIMIT:
        return None
    for chosen in product(*(candidates[config] for config in configs)):
        all_of_them = dict(zip(configs, chosen, strict=True))
        for left_out in (None, *configs):
            some = {config: each for config, each in all_of_them.items() if config != left_out}
            if combined(some) == wanted:
                return some
    return None
