"""The body of a request as JSON values, in the media types that a real server reads."""

import json
from typing import Any

import yaml
from aiohttp import hdrs, web

from delivery.cluster.memory.rejections import BadRequestError
from delivery.sandbox.server import protobuf
from delivery.sandbox.server.failures import UnsupportedMediaTypeError
from delivery.sandbox.server.served import Served
from delivery.sandbox.server.writing import check_patch_type

_JSON = ("application/json",)
_YAML = ("application/yaml",)


async def read_body(request: web.Request, *, patch_of: Served | None = None) -> Any:
    """What was sent. BadRequestError if it can't be parsed, UnsupportedMediaTypeError for other media types.

    `patch_of` is the kind that is to be patched by it, which decides about the media type.
    """
    raw = await request.read()
    media = request.content_type if hdrs.CONTENT_TYPE in request.headers else "application/json"
    if patch_of is not None:
        check_patch_type(patch_of, media)
    elif media in _YAML:
        return _parse_yaml(raw)
    elif media == protobuf.MEDIA_TYPE:
        return protobuf.decode(raw)
    elif media not in _JSON:
        raise UnsupportedMediaTypeError(
            f"the body of the request was in an unknown format ({media}) - "
            f"accepted media types include: application/json, application/yaml, {protobuf.MEDIA_TYPE}"
        )
    try:
        return json.loads(raw)
    except ValueError as wrong:
        raise BadRequestError(f"the request body is no JSON: {wrong}") from None


def _parse_yaml(raw: bytes) -> Any:
    try:
        return yaml.safe_load(raw)
    except (yaml.YAMLError, UnicodeDecodeError) as wrong:
        raise BadRequestError(f"the request body is no YAML: {wrong}") from None
