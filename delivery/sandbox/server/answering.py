"""JSON answers: written compactly, and compressed when they are large and the client can read that."""

import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import hdrs, web

COMPRESS_FROM_BYTES = 128 * 1024
"""The size from which the real API server compresses, too."""


def encode(value: Any) -> bytes:
    """Compact JSON, UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def as_json(
    value: Mapping[str, Any],
    *,
    status: int = 200,
    warnings: Sequence[str] = (),
    accept_encoding: str = "",
    content_type: str = "application/json",
) -> web.Response:
    """The answer with `value` as its body; `warnings` become Warning headers, which kubectl prints."""
    raw = encode(value)
    answer = web.Response(status=status, content_type=content_type)
    for warning in warnings:
        text = warning.replace("\\", "\\\\").replace('"', '\\"')
        answer.headers.add(hdrs.WARNING, f'299 - "{text}"')
    if len(raw) >= COMPRESS_FROM_BYTES and "gzip" in accept_encoding:
        raw = gzip.compress(raw, compresslevel=1)
        answer.headers[hdrs.CONTENT_ENCODING] = "gzip"
    answer.body = raw
    return answer
