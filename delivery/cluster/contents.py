"""What a Secret or ConfigMap holds at the moment at which somebody needs it.

It is read then and no sooner, by one GET; what was read is kept while the caches tell that it is the same version, and
read each time where nothing tells.
"""

import base64
from collections.abc import Mapping

from delivery.cluster.errors import ClusterError
from delivery.cluster.objects import SECRETS, Object, Ref, resource_version
from delivery.cluster.reader import Reader

READ_SECONDS = 5.0
"""How long the GET may take."""
MOST_KEPT = 256
"""How many contents are kept; the one that was read first goes first."""

Content = Mapping[str, str]


class ContentError(Exception):
    """It cannot be had now. The message names the object and says what to do."""


class Contents:
    """Reads them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[Ref, tuple[str, Content]] = {}

    async def of(self, ref: Ref) -> Content:
        """The decoded data. Raises ContentError."""
        watched = self._reader.watches(ref.kind)
        seen = self._reader.get(ref) if watched else None
        kept = self._kept.get(ref)
        if seen is not None and kept is not None and kept[0] == resource_version(seen):
            return kept[1]
        self._kept.pop(ref, None)
        body = await self._read(ref, watched=watched)
        content = _decoded(body, ref)
        if watched:
            self._kept[ref] = (resource_version(body), content)
            while len(self._kept) > MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
        return content

    async def _read(self, ref: Ref, *, watched: bool) -> Object:
        try:
            read = self._reader.content if watched else self._reader.fetch
            body = await read(ref, timeout=READ_SECONDS)
        except ClusterError as error:
            message = f"{ref} cannot be read: {error}; let the controller get {ref.kind.plural} there"
            raise ContentError(message) from error
        if body is None:
            raise ContentError(f"{ref} does not exist; create it")
        return body


def _decoded(body: Object, ref: Ref) -> Content:
    data = body.get("data") or {}
    if ref.kind != SECRETS:
        return {str(key): str(value) for key, value in data.items()}
    return {str(key): base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
