"""Reads API objects field by field, and refuses the ones that nobody asked for.

A route that is understood in part sends users somewhere else than Istio would. So whoever reads an object says for each
field whether it is understood or has no effect here, and everything else is an error that names the field.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from delivery.api.durations import seconds as parse_seconds
from delivery.sandbox.mesh.errors import MeshConfigError


class Fields:
    """The members of one JSON object at `path`. Leave the `with` block and every member must have been taken."""

    def __init__(self, value: object, path: str, notices: list[str] | None = None) -> None:
        if not isinstance(value, Mapping):
            raise MeshConfigError(f"{path}: {value!r:.60}; allowed is an object")
        self.path = path
        self.notices = [] if notices is None else notices
        self._left = {key: each for key, each in value.items() if each is not None}
        self._known: list[str] = []

    def __enter__(self) -> "Fields":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._left:
            name = min(self._left)
            raise MeshConfigError(f"{self.path}.{name}: unknown to this mesh; known are {', '.join(self._known)}")

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str, default: Any = None) -> Any:
        """The member of that name, whatever it is."""
        self._known.append(name)
        return self._left.pop(name, default)

    def text(self, name: str, default: str = "") -> str:
        """A string."""
        value = self.take(name, default)
        if not isinstance(value, str):
            raise MeshConfigError(f"{self.path}.{name}: {value!r:.60}; allowed is a string")
        return value

    def number(self, name: str, default: float, *, low: float = 0, high: float = float("inf")) -> float:
        """A number from `low` to `high`."""
        value = self.take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise MeshConfigError(f"{self.path}.{name}: {value!r:.60}; allowed is a number from {low:g} to {high:g}")
        return value

    def duration(self, name: str) -> float | None:
        """Seconds of a duration such as "2.5s"; None without one, or with "0s", which switches it off."""
        if name not in self:
            self._known.append(name)
            return None
        try:
            return parse_seconds(self.text(name)) or None
        except ValueError as error:
            raise MeshConfigError(f"{self.path}.{name}: {error}") from None

    def each(self, name: str) -> Iterator[tuple[str, Any]]:
        """The items of a list, with the path of each."""
        value = self.take(name) or ()
        if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
            raise MeshConfigError(f"{self.path}.{name}: {value!r:.60}; allowed is a list")
        for index, item in enumerate(value):
            yield f"{self.path}.{name}[{index}]", item

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        items = tuple(self.each(name))
        for path, item in items:
            if not isinstance(item, str):
                raise MeshConfigError(f"{path}: {item!r:.60}; allowed is a string")
        return tuple(item for _, item in items)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object; empty without one."""
        value = self.take(name)
        if value is not None and not isinstance(value, Mapping):
            raise MeshConfigError(f"{self.path}.{name}: {value!r:.60}; allowed is an object")
        return value or {}

    def inside(self, name: str) -> "Fields | None":
        """The members of an object in this one; None without one."""
        value = self.take(name)
        return None if value is None else Fields(value, f"{self.path}.{name}", self.notices)

    def no_effect(self, *names: str) -> None:
        """Members that Istio has a use for and this mesh has not: whoever wrote them is told by a notice."""
        for name in names:
            if self.take(name) is not None:
                self.notices.append(f"{self.path}.{name}: has no effect in this mesh")
