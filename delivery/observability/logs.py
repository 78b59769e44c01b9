"""One way to log: structured lines on stderr, ours and those of the libraries alike.

A rollout is understood afterwards from its lines, so each one carries canary, run and step where there are any.
Nothing secret gets out: Secrets are cut down to their names, and credentials are blanked, whoever logged them.
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

EventDict = MutableMapping[str, Any]

HIDDEN = "***"
QUIET = ("apscheduler", "aiohttp.access", "asyncio", "urllib3", "charset_normalizer", "kopf")
"""Loggers that tell of their own workings at INFO: a line for each timer, each request, each watch."""

SILENT = ("kopf.objects",)
"""Loggers whose errors are answers to somebody else: a refused manifest is no fault of the controller."""

_CREDENTIAL = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_SECRET_KEYS = re.compile(r"(?i)authorization|password|passwd|token|api[-_]?key|private[-_]?key|secret[-_]?key")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_DEPTH = 8


def configure(*, level: str = "info", fmt: str = "json", stream: TextIO | None = None) -> None:
    """Set up logging for the whole process; a second call replaces the first.

    `level`: debug, info, warning or error. `fmt`: json (one object a line) or console (for people).
    """
    threshold = getattr(logging, level.upper())
    shared = _shared()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(fmt)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    for name in QUIET:
        logging.getLogger(name).setLevel(threshold if level == "debug" else max(threshold, logging.WARNING))
    for name in SILENT:
        logging.getLogger(name).setLevel(threshold if level == "debug" else logging.CRITICAL)
    logging.captureWarnings(True)


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Every line logged inside, by whomever and in tasks started there too, carries these values.

    Meant for `canary` (namespace/name), `run` and `step`. Empty values (None and "") are left out.
    """
    present = {name: value for name, value in values.items() if value not in (None, "")}
    with structlog.contextvars.bound_contextvars(**present):
        yield


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Hide what must not be logged; the last processor before the lines are rendered."""
    for key, value in event.items():
        event[key] = HIDDEN if _SECRET_KEYS.search(key) and value else _clean(value, _DEPTH)
    return event


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _CREDENTIAL.sub(rf"\1 {HIDDEN}", value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if depth == 0:
        return "..."
    if isinstance(value, Mapping):
        return _clean_mapping(value, depth)
    if isinstance(value, Sequence):
        return [_clean(item, depth - 1) for item in value]
    return value


def _clean_mapping(value: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
    if value.get("kind") == "Secret":
        meta = value.get("metadata") or {}
        return {"kind": "Secret", "namespace": meta.get("namespace"), "name": meta.get("name")}
    return {
        key: HIDDEN if key == _LAST_APPLIED or (_SECRET_KEYS.search(str(key)) and item) else _clean(item, depth - 1)
        for key, item in value.items()
    }


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _rendering(fmt: str) -> list[Processor]:
    # Tracebacks become text before redaction, so that a credential in an error's words is found as well.
    last: Processor = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if fmt == "json":
        last = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact,
        last,
    ]
