"""Which requests a rule is for: the match of a VirtualService's http rule.

All members of a match must hold, of a list of matches any (Istio, "Virtual Service", HTTPMatchRequest). A regular
expression has to match the whole value, as RE2 does in Envoy.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from delivery.sandbox.mesh.errors import MeshConfigError
from delivery.sandbox.mesh.fields import Fields
from delivery.sandbox.mesh.load import Load

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Text:
    """How a value has to be: exact, a prefix, a regular expression, or (`present`) only to be there at all."""

    how: str
    value: str = ""

    @classmethod
    def parse(cls, value: object, path: str) -> "Text":
        """Read a StringMatch; an empty one asks for presence."""
        with Fields(value, path) as fields:
            given = {name: fields.text(name) for name in ("exact", "prefix", "regex") if name in fields}
        if len(given) > 1:
            raise MeshConfigError(f"{path}: {sorted(given)}; allowed is one of exact, prefix, regex")
        how, text = next(iter(given.items()), ("present", ""))
        if how == "regex":
            _compiled(text, path)
        return cls(how, text)

    def holds(self, value: str | None, *, ignore_case: bool = False) -> bool:
        """Is `value` so? None is a value that is not there."""
        if value is None:
            return False
        if self.how == "regex":
            return re.fullmatch(self.value, value) is not None
        wanted = self.value
        if ignore_case:
            wanted, value = wanted.lower(), value.lower()
        if self.how == "exact":
            return value == wanted
        return self.how == "present" or value.startswith(wanted)


def _compiled(text: str, path: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise MeshConfigError(f"{path}.regex: {text!r}: {error}; allowed is a regular expression") from None


@dataclass(frozen=True, slots=True)
class Match:
    """One match: what is empty holds always."""

    path: Text | None = None
    ignore_path_case: bool = False
    method: Text | None = None
    scheme: Text | None = None
    authority: Text | None = None
    headers: tuple[tuple[str, Text], ...] = ()
    without_headers: tuple[tuple[str, Text], ...] = ()
    query: tuple[tuple[str, Text], ...] = ()
    port: int = 0
    source_labels: Pairs = ()
    source_namespace: str = ""
    gateways: tuple[str, ...] = ()

    def holds(self, load: Load, *, port: int, host: str) -> bool:
        """Is a request of this load, sent to this host and port, meant?"""
        return (
            self._who(load)
            and (not self.port or self.port == port)
            and (self.path is None or self.path.holds(load.path, ignore_case=self.ignore_path_case))
            and (self.method is None or self.method.holds(load.method))
            and (self.scheme is None or self.scheme.holds("http"))
            and (self.authority is None or self.authority.holds(load.authority or host))
            and self._what(load)
        )

    def _who(self, load: Load) -> bool:
        via = load.gateway or "mesh"
        return (
            (not self.gateways or via in self.gateways)
            and set(self.source_labels) <= set(load.labels.items())
            and self.source_namespace in ("", load.client_namespace)
        )

    def _what(self, load: Load) -> bool:
        if not (self.headers or self.without_headers or self.query):
            return True
        headers = {name.lower(): value for name, value in load.headers.items()}
        return (
            all(wanted.holds(headers.get(name)) for name, wanted in self.headers)
            and not any(wanted.holds(headers.get(name)) for name, wanted in self.without_headers)
            and all(wanted.holds(load.query.get(name)) for name, wanted in self.query)
        )


def parse_match(value: object, path: str, gateway: Callable[[str], str]) -> Match:
    """Read an HTTPMatchRequest. `gateway` gives the full name of one that is named in it."""
    with Fields(value, path) as fields:
        fields.take("name")
        fields.take("statPrefix")
        return Match(
            path=_text(fields, "uri"),
            ignore_path_case=bool(fields.take("ignoreUriCase", False)),
            method=_text(fields, "method"),
            scheme=_text(fields, "scheme"),
            authority=_text(fields, "authority"),
            headers=_texts(fields, "headers", lower=True),
            without_headers=_texts(fields, "withoutHeaders", lower=True),
            query=_texts(fields, "queryParams"),
            port=int(fields.number("port", 0, high=65535)),
            source_labels=pairs(fields.mapping("sourceLabels")),
            source_namespace=fields.text("sourceNamespace"),
            gateways=tuple(map(gateway, fields.texts("gateways"))),
        )


def _text(fields: Fields, name: str) -> Text | None:
    value = fields.take(name)
    return None if value is None else Text.parse(value, f"{fields.path}.{name}")


def _texts(fields: Fields, name: str, *, lower: bool = False) -> tuple[tuple[str, Text], ...]:
    given = fields.mapping(name)
    return tuple(
        (key.lower() if lower else key, Text.parse(value or {}, f"{fields.path}.{name}.{key}"))
        for key, value in given.items()
    )


def pairs(given: Mapping[str, str]) -> Pairs:
    """A mapping as a value: its members in the order of their names."""
    return tuple(sorted((str(key), str(value)) for key, value in given.items()))
