"""What the admission webhook writes into people's words before they are stored: who it was that said them.

A command stands in an annotation of the Canary which its author keeps, in a file perhaps; so its stamp stands in an
annotation of its own, and what the author wrote stays as it was written.
"""

import json
from collections.abc import Mapping
from typing import Any

import structlog

from delivery.api.commands import COMMAND
from delivery.cluster.objects import CANARIES, Kind, Object
from delivery.gates.seal import SEALED, SIGNATURE, USER, Seal

SPEAKER = "progressive.delivery/command-by"
"""The annotation beside the command's: JSON of `user` and `signature`."""

log = structlog.get_logger(__name__)


def stamp(seal: Seal, kind: Kind, body: Object, old: Object | None, user: str) -> dict[str, Any]:
    """The merge patch that says who it was; empty where nothing is said.

    Nobody is kept from saying something by a key that cannot be read: then it counts as a claim.
    """
    if kind == CANARIES:
        return _of_command(seal, body, old, user)
    spec = body.get("spec")
    if kind not in SEALED or old is not None or not isinstance(spec, Mapping):
        return {}
    return {"spec": _sealed(seal, kind, body, spec, user)}


def speaker(seal: Seal, body: Object) -> str | None:
    """The user who gave the command that stands on a Canary, as the webhook knows; None where nobody does."""
    try:
        said = json.loads(_annotations(body).get(SPEAKER, ""))
        spec = {**_said(body), USER: said[USER], SIGNATURE: said[SIGNATURE]}
    except (ValueError, KeyError, TypeError):
        return None
    namespace = body["metadata"].get("namespace", "")
    vouched = seal.vouches({"metadata": {"namespace": namespace}, "spec": spec}, CANARIES)
    return str(said[USER]) if vouched else None


def _of_command(seal: Seal, body: Object, old: Object | None, user: str) -> dict[str, Any]:
    text = _annotations(body).get(COMMAND)
    if not text or text == _annotations(old or {"metadata": {}}).get(COMMAND):
        return {}
    said = _sealed(seal, CANARIES, body, _said(body), user)
    return {"metadata": {"annotations": {SPEAKER: json.dumps(said, ensure_ascii=True)}}}


def _sealed(seal: Seal, kind: Kind, body: Object, said: Mapping[str, Any], user: str) -> dict[str, str]:
    try:
        return seal.stamped(kind, body["metadata"].get("namespace", ""), said, user)
    except OSError as error:
        log.warning("words_not_signed", kind=kind.kind, error=str(error))
        return {USER: user}


def _said(body: Object) -> dict[str, Any]:
    """All that a seal on a command holds together: a copy on another Canary is nobody's word."""
    return {"name": body["metadata"].get("name", ""), "command": _annotations(body).get(COMMAND, "")}


def _annotations(body: Object) -> Mapping[str, str]:
    return body["metadata"].get("annotations") or {}
