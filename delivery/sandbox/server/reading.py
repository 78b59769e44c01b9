"""get and list: what is in the store now, in pages if the client wants pages.

A page's token holds the version of the first page and the last name that was given. Later pages show objects as they
are then; the list's version stays that of the first page, so that a watch from it repeats whatever happened since.
"""

import base64
import json
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError, ExpiredError, TooEarlyError
from delivery.cluster.memory.selectors import Predicate, selector
from delivery.cluster.memory.store import Store
from delivery.cluster.objects import Object
from delivery.sandbox.server.addresses import Address
from delivery.sandbox.server.options import ListOptions
from delivery.sandbox.server.rendering import Renderer
from delivery.sandbox.server.served import Body, Served

_EVERYWHERE = ("metadata.name", "metadata.namespace")
_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You must start a new list without the continue parameter."
)


def list_objects(store: Store, address: Address, options: ListOptions, renderer: Renderer) -> Body:
    """A list, or a page of it."""
    kind, namespace = address.served.stored, address.namespace or None
    selects = selection(address.served, options)
    version, after = _start(store, address, options)
    found = [body for body in store.scan(kind, namespace) if selects(body)]
    rest = [body for body in found if _key(body) > after] if options.token else found
    limit = options.limit if options.resource_version != "0" else 0  # from its cache a real server gives all at once
    page = rest[:limit] if limit else rest
    meta: dict[str, Any] = {"resourceVersion": version}
    if len(page) < len(rest):
        meta["continue"] = _token(version, page[-1])
        if not options.labels and not options.fields:
            meta["remainingItemCount"] = len(rest) - len(page)
    return renderer.many(page, meta)


def selection(served: Served, options: ListOptions) -> Predicate:
    """What the selectors select; BadRequestError for a field by which the kind can't be selected."""
    allowed = (*_EVERYWHERE, *served.fields)
    for term in options.fields.split(",") if options.fields else ():
        path = term.partition("=")[0].rstrip("!").strip()
        if path not in allowed:
            raise BadRequestError(
                f"field label not supported: {path}; {served.kind.plural} can be selected by {', '.join(allowed)}"
            )
    return selector(options.labels, options.fields)


def _start(store: Store, address: Address, options: ListOptions) -> tuple[str, tuple[str, str]]:
    """The version of the list, and the last object that the client has already."""
    if options.token:
        if options.resource_version not in ("", "0"):
            raise BadRequestError("specifying resource version is not allowed when using continue")
        version, after = _parse_token(options.token)
        if not store.remembers(address.served.stored, version):
            raise ExpiredError(_EXPIRED)
        return str(version), after
    _check_version(store, address, options)
    return store.resource_version, ("", "")


def _check_version(store: Store, address: Address, options: ListOptions) -> None:
    wanted = options.resource_version
    if wanted in ("", "0"):
        return
    if not wanted.isdecimal():
        raise BadRequestError(f"resourceVersion: Invalid value: {wanted!r}: a number is needed")
    if int(wanted) > int(store.resource_version):
        raise TooEarlyError(f"Too large resource version: {wanted}, current: {store.resource_version}")
    if options.match == "Exact" and store.last_change(address.served.stored) > int(wanted):
        raise ExpiredError(f"resourceVersion: {wanted} is past, and this server keeps no past states")


def _key(body: Object) -> tuple[str, str]:
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _token(version: str, last: Object) -> str:
    raw = json.dumps({"v": "meta.k8s.io/v1", "rv": int(version), "start": _key(last)})
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _parse_token(text: str) -> tuple[int, tuple[str, str]]:
    try:
        padded = text + "=" * (-len(text) % 4)
        token = json.loads(base64.urlsafe_b64decode(padded))
        namespace, name = token["start"]
        return int(token["rv"]), (str(namespace), str(name))
    except (ValueError, KeyError, TypeError):
        raise BadRequestError(f"continue key is not valid: {text!r:.80}") from None
