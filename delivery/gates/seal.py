"""Who said it: what the admission webhook knows of a user, kept so that nobody else can write it.

The webhook may be away and let everything pass, so that a name in an object proves nothing. A seal does: it is made
with the webhook's own private key, which every replica of the controller has and nobody else. It covers all that was
said, so that it fits no other words; without the key, or with another one, a name is a claim.
"""

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from delivery.cluster.objects import APPROVALS, FREEZES, Kind, Object

SEALED = (APPROVALS, FREEZES)
"""The kinds whose objects are somebody's word."""

USER, SIGNATURE = "user", "signature"
_PURPOSE = b"progressive.delivery/words-of-people"


class Seal:
    """Makes and checks seals. `key` is the file of the webhook's private key; None: there is no webhook."""

    def __init__(self, key: str | None = None) -> None:
        self._key = None if key is None else Path(key)

    def stamped(self, kind: Kind, namespace: str, spec: Mapping[str, Any], user: str) -> dict[str, str]:
        """The fields of a spec to be written over whatever its author put there. OSError without a readable key."""
        said = {**spec, USER: user[:253]}
        return {USER: said[USER], SIGNATURE: self._signature(kind, namespace, said)}

    def vouches(self, body: Object, kind: Kind) -> bool:
        """Did the webhook write the user of this object?"""
        spec = body.get("spec") or {}
        if self._key is None or not spec.get(SIGNATURE):
            return False
        try:
            signature = self._signature(kind, body["metadata"].get("namespace", ""), spec)
        except OSError:
            return False
        return hmac.compare_digest(signature.encode(), str(spec[SIGNATURE]).encode())

    def _signature(self, kind: Kind, namespace: str, spec: Mapping[str, Any]) -> str:
        if self._key is None:
            raise FileNotFoundError("there is no key")
        said = {name: value for name, value in spec.items() if name != SIGNATURE and value is not None}
        text = json.dumps([kind.kind, namespace, said], sort_keys=True, ensure_ascii=True).encode()
        secret = sha256(_PURPOSE + self._key.read_bytes()).digest()
        return hmac.new(secret, text, sha256).hexdigest()
