"""What a Secret or ConfigMap holds at the moment at which somebody needs it.

It is read then and no sooner, by one GET; what was read is kept while the caches tell that it is the same version, and
read each time where nothing tells.
"""

import base64
from collections.abc import Mapping

from delivery.cluster.errors import ClusterError
from delivery.cluster.objects import SECRETS, Object, Ref, resource_version
from delivery.cluster.reader import Reader
from strategies.reasons import Reason

READ_SECONDS = 5.0
"""How long the GET may take."""
MOST_KEPT = 256
"""How many contents are kept; the one that was read first goes first."""

Content = Mapping[str, str]


class ContentError(Exception):
    """It cannot be had now. The message names the object and says what to do; `reason` is one word for a condition."""

    def __init__(self, message: str, *, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


class Contents:
    """Reads them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[Ref, tuple[str, Content]] = {}

    def expect(self, ref: Ref, *, named_by: str) -> None:
        """Raises ContentError where a cache knows that the object is not there; where none knows, time will tell."""
        reader, kind = self._reader, ref.kind
        known = reader.watches(kind) and reader.answered(kind) and not reader.denied(kind)
        if known and reader.namespace in (None, ref.namespace) and reader.get(ref) is None:
            raise _not_found(ref, named_by)

    async def key(self, ref: Ref, key: str, *, named_by: str = "") -> str:
        """What stands under a key that must be there. Raises ContentError."""
        if not (found := (await self.of(ref, named_by=named_by)).get(key, "")):
            raise ContentError(f"{ref} has no key {key}; add it there", reason="KeyNotFound")
        return found

    async def of(self, ref: Ref, *, named_by: str = "") -> Content:
        """The decoded data. Raises ContentError."""
        watched = self._reader.watches(ref.kind)
        seen = self._reader.get(ref) if watched else None
        kept = self._kept.get(ref)
        if seen is not None and kept is not None and kept[0] == resource_version(seen):
            return kept[1]
        self._kept.pop(ref, None)
        body = await self._read(ref, named_by, watched=watched)
        content = _decoded(body, ref)
        if watched:
            self._kept[ref] = (resource_version(body), content)
            while len(self._kept) > MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
        return content

    async def _read(self, ref: Ref, named_by: str, *, watched: bool) -> Object:
        try:
            read = self._reader.content if watched else self._reader.fetch
            body = await read(ref, timeout=READ_SECONDS)
        except ClusterError as error:
            message = f"{ref} cannot be read: {error}; let the controller get {ref.kind.plural} there"
            raise ContentError(message, reason=_of(ref)[1]) from error
        if body is None:
            raise _not_found(ref, named_by)
        return body


def _not_found(ref: Ref, named_by: str) -> ContentError:
    named = f", which {named_by} names," if named_by else ""
    return ContentError(f"{ref}{named} does not exist; create it", reason=_of(ref)[0])


def _of(ref: Ref) -> tuple[Reason, Reason]:
    """The reasons of one that is not there, and of one that cannot be read."""
    if ref.kind == SECRETS:
        return "SecretNotFound", "SecretUnreadable"
    return "ConfigMapNotFound", "ConfigMapUnreadable"


def _decoded(body: Object, ref: Ref) -> Content:
    data = body.get("data") or {}
    if ref.kind != SECRETS:
        return {str(key): str(value) for key, value in data.items()}
    return {str(key): base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
