"""What a request asks for in its query and body: parsed once, with an error that names the option."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError, Cause, ContentInvalidError

Query = Mapping[str, str]

_PROPAGATION = ("Foreground", "Background", "Orphan")
VALIDATION = ("Ignore", "Warn", "Strict")


def number(query: Query, name: str, default: int | None = None) -> int | None:
    """A whole number, 0 or more."""
    text = query.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise BadRequestError(f"{name}: {text!r} was given; a whole number, 0 or more, is needed")
    return int(text)


def flag(query: Query, name: str) -> bool:
    """A boolean as Go parses it; absent is false, without a value true."""
    if name not in query:
        return False
    return query[name].lower() not in ("false", "0", "f")


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Of lists and watches. `timeout_seconds` None: the server's choice."""

    labels: str = ""
    fields: str = ""
    limit: int = 0
    token: str = ""
    resource_version: str = ""
    match: str = ""
    watch: bool = False
    bookmarks: bool = False
    timeout_seconds: int | None = None

    @classmethod
    def of(cls, query: Query) -> "ListOptions":
        """BadRequestError or ContentInvalidError names the option that is wrong."""
        options = cls(
            labels=query.get("labelSelector", ""),
            fields=query.get("fieldSelector", ""),
            limit=number(query, "limit", 0) or 0,
            token=query.get("continue", ""),
            resource_version=query.get("resourceVersion", ""),
            match=query.get("resourceVersionMatch", ""),
            watch=flag(query, "watch"),
            bookmarks=flag(query, "allowWatchBookmarks"),
            timeout_seconds=number(query, "timeoutSeconds"),
        )
        _refuse_combinations(options, query)
        return options


def _refuse_combinations(options: ListOptions, query: Query) -> None:
    """What a real server refuses too, so that a client falls back instead of waiting for what never comes."""
    if "sendInitialEvents" in query:
        verb = "watch unless the WatchList feature gate is enabled" if options.watch else "list"
        raise _invalid("sendInitialEvents", f"Forbidden: sendInitialEvents is forbidden for {verb}")
    if not options.match:
        return
    if options.watch:
        raise _invalid("resourceVersionMatch", "Forbidden: resourceVersionMatch is forbidden for watch")
    if options.match not in ("Exact", "NotOlderThan"):
        what = f'Unsupported value: "{options.match}": supported values: "Exact", "NotOlderThan"'
        raise _invalid("resourceVersionMatch", what, "FieldValueNotSupported")
    if not options.resource_version:
        what = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        raise _invalid("resourceVersionMatch", what)


def _invalid(
    field: str, message: str, reason: str = "FieldValueForbidden", *, options: str = "ListOptions"
) -> ContentInvalidError:
    text = f'{options}.meta.k8s.io "" is invalid: {field}: {message}'
    details = {"group": "meta.k8s.io", "kind": options}
    return ContentInvalidError(text, causes=[Cause(field, message, reason)], details=details)


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Of creates, updates and patches. `validation` is what becomes of unknown fields: Ignore, Warn or Strict."""

    manager: str
    dry_run: bool = False
    validation: str = "Warn"

    @classmethod
    def of(cls, query: Query, user_agent: str, *, verb: str = "Create") -> "WriteOptions":
        """A writer that gives no name is called as the first part of its User-Agent."""
        validation = query.get("fieldValidation") or "Warn"
        if validation not in VALIDATION:
            raise BadRequestError(f"fieldValidation: {validation!r} was given; allowed are {', '.join(VALIDATION)}")
        manager = query.get("fieldManager") or user_agent.partition("/")[0] or "unknown"
        return cls(manager, dry_run([query.get("dryRun", "")], f"{verb}Options"), validation)


def dry_run(values: Sequence[Any], options: str) -> bool:
    """Is nothing to be written? All is the only stage that there is."""
    given = [value for value in values if value]
    for value in given:
        if value != "All":
            what = f'Unsupported value: "{value}": supported values: "All"'
            raise _invalid("dryRun", what, "FieldValueNotSupported", options=options)
    return bool(given)


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """Of deletions: preconditions, what becomes of dependents, and how long a pod may take."""

    uid: str = ""
    resource_version: str = ""
    propagation: str = "Background"
    grace_seconds: int | None = None
    dry_run: bool = False

    @classmethod
    def of(cls, query: Query, body: Mapping[str, Any]) -> "DeleteOptions":
        """Options may stand in the body or in the query; the body goes first."""
        grace = body.get("gracePeriodSeconds")
        if grace is None:
            grace = number(query, "gracePeriodSeconds")
        if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool)):
            raise BadRequestError(f"gracePeriodSeconds: {grace!r} was given; whole seconds are needed")
        wanted = body.get("preconditions") or {}
        if not isinstance(wanted, dict):
            raise BadRequestError(
                f"preconditions: {wanted!r} was given; an object with uid or resourceVersion is needed"
            )
        stages = body.get("dryRun") or query.get("dryRun") or ()
        return cls(
            uid=str(wanted.get("uid") or ""),
            resource_version=str(wanted.get("resourceVersion") or ""),
            propagation=_propagation(query, body),
            grace_seconds=grace,
            dry_run=dry_run(stages if isinstance(stages, list | tuple) else [stages], "DeleteOptions"),
        )


def _propagation(query: Query, body: Mapping[str, Any]) -> str:
    """`orphanDependents` is the older way to say it."""
    orphan = body.get("orphanDependents")
    if orphan is None and "orphanDependents" in query:
        orphan = flag(query, "orphanDependents")
    if orphan is not None:
        return "Orphan" if orphan else "Background"
    wanted = str(body.get("propagationPolicy") or query.get("propagationPolicy") or "Background")
    if wanted not in _PROPAGATION:
        supported = ", ".join(f'"{one}"' for one in (*_PROPAGATION, "nil"))
        what = f'Unsupported value: "{wanted}": supported values: {supported}'
        raise _invalid("propagationPolicy", what, "FieldValueNotSupported", options="DeleteOptions")
    return wanted
