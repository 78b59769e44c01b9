"""Where the API server keeps things: the paths of kinds and objects.

A path is built from names that users chose, and an empty name would turn "this object" into "all objects" -
for a deletion as well. So names are checked here, before anything is sent.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from delivery.cluster.errors import Invalid
from delivery.cluster.objects import Kind, Ref


def group_version(kind: Kind) -> str:
    """The path of a group and version: /api/v1 for the core group, else /apis/GROUP/VERSION."""
    return f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"


def collection(kind: Kind, namespace: str | None) -> str:
    """The path of all objects of a kind, in one namespace or (None) in all."""
    inside = f"/namespaces/{quote(namespace, safe='')}" if kind.namespaced and namespace else ""
    return f"{group_version(kind)}{inside}/{kind.plural}"


def home(ref: Ref) -> str:
    """The path to which an object is created. Invalid if its namespace is missing."""
    if ref.kind.namespaced and not ref.namespace:
        raise Invalid(f"{ref}: metadata.namespace is empty; {ref.kind.plural} live in a namespace")
    return collection(ref.kind, ref.namespace)


def item(ref: Ref, subresource: str = "") -> str:
    """The path of one object, or of a subresource of it. Invalid if its name or namespace is missing."""
    if ref.name in ("", ".", ".."):
        raise Invalid(f"{ref}: metadata.name is {ref.name!r}; it must be a name")
    tail = f"/{subresource}" if subresource else ""
    return f"{home(ref)}/{quote(ref.name, safe='')}{tail}"


def with_query(path: str, query: Mapping[str, str]) -> str:
    """The path with those query parameters that are not empty."""
    given = {key: value for key, value in query.items() if value}
    return f"{path}?{urlencode(given, quote_via=quote)}" if given else path
