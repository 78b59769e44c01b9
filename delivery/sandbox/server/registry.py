"""Which kinds are served at the moment, found by what stands in a path. Definitions add kinds and take them away."""

import re
from collections.abc import Iterable

from delivery.cluster.objects import Kind
from delivery.sandbox.server.builtin import builtin_kinds
from delivery.sandbox.server.served import Served

_VERSION = re.compile(r"v(?P<major>[1-9][0-9]*)((?P<stage>alpha|beta)(?P<minor>[1-9][0-9]*))?")


class Registry:
    """The kinds that are served, by group, version and plural. `revision` grows with each change of them."""

    def __init__(self) -> None:
        self._served: dict[tuple[str, str, str], Served] = {}
        self.revision = 0
        self.add(builtin_kinds())

    def add(self, kinds: Iterable[Served]) -> None:
        """Serve these kinds; one of the same group, version and plural is replaced."""
        self.revision += 1
        for served in kinds:
            self._served[served.kind.group, served.kind.version, served.kind.plural] = served

    def remove(self, group: str, plural: str) -> None:
        """No longer serve a kind, in none of its versions."""
        self.revision += 1
        for key in [key for key in self._served if key[0] == group and key[2] == plural]:
            del self._served[key]

    def find(self, group: str, version: str, plural: str) -> Served | None:
        """The kind of a path, None if it is not served."""
        return self._served.get((group, version, plural))

    def of_stored(self, kind: Kind) -> Served | None:
        """What is served of a stored kind: in the version that is stored, if that is served, else in another."""
        same = self._served.get((kind.group, kind.version, kind.plural))
        return same or next((one for one in self._served.values() if one.stored == kind), None)

    def versions(self, group: str) -> list[str]:
        """The versions of a group, the preferred one first; empty if there is no such group."""
        found = {version for of_group, version, _ in self._served if of_group == group}
        return sorted(found, key=version_rank)

    def groups(self) -> list[str]:
        """The named groups, by name (without the core group)."""
        return sorted({group for group, _, _ in self._served if group})

    def kinds(self, group: str, version: str) -> list[Served]:
        """The kinds of a group and version, by plural."""
        found = [one for key, one in self._served.items() if key[:2] == (group, version)]
        return sorted(found, key=lambda one: one.kind.plural)

    def all(self) -> list[Served]:
        """Every kind in every version."""
        return list(self._served.values())


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sorts versions as Kubernetes prefers them: v2, v1, v2beta1, v1beta2, v1beta1, v1alpha1, anything else."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return 3, 0, 0, version
    stage = {None: 0, "beta": 1, "alpha": 2}[match["stage"]]
    return stage, -int(match["major"]), -int(match["minor"] or 0), version
