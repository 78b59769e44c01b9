"""Fields that others write too: labels and annotations; of a Service also further ports and the traffic distribution.

An overlay leaves alone what it does not name, so it alone cannot tell what was taken out of the Canary from what
somebody else put there. An annotation remembers what was ours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import Object
from delivery.workloads.overlay import Absent
from delivery.workloads.ownership import annotations, labels
from delivery.workloads.service_spec import Metadata, ServiceSpec, Unmanaged

WRITTEN = "progressive.delivery/written"
"""Annotation: what we wrote, as sorted KIND/NAME with commas between them."""

_LABEL, _ANNOTATION, _PORT, _DISTRIBUTION = "label", "annotation", "port", "trafficDistribution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Keys of labels and annotations, names of ports, and the traffic distribution ("" for none)."""

    labels: frozenset[str] = frozenset()
    annotations: frozenset[str] = frozenset()
    ports: frozenset[str] = frozenset()
    distribution: str = ""

    @classmethod
    def on(cls, body: Object | None) -> "Written":
        """What we wrote on an object last; nothing on none. What cannot be read counts as not ours."""
        text = str(annotations(body).get(WRITTEN, "")) if body is not None else ""
        found: dict[str, list[str]] = {}
        for entry in text.split(","):
            kind, _, name = entry.partition("/")
            found.setdefault(kind, []).append(name)
        return cls(
            labels=frozenset(found.get(_LABEL, ())),
            annotations=frozenset(found.get(_ANNOTATION, ())),
            ports=frozenset(found.get(_PORT, ())),
            distribution=next(iter(found.get(_DISTRIBUTION, ())), ""),
        )

    def __str__(self) -> str:
        """The annotation's value; "" when there is nothing to remember."""
        groups: Mapping[str, Any] = {
            _LABEL: self.labels,
            _ANNOTATION: self.annotations,
            _PORT: self.ports,
            _DISTRIBUTION: [self.distribution] if self.distribution else (),
        }
        return ",".join(sorted(f"{kind}/{name}" for kind, names in groups.items() for name in names))


def shared_fields(
    current: Object | None, given: Metadata, spec: ServiceSpec, ports: Iterable[str], *, ours: bool
) -> dict[str, dict[str, Any]]:
    """What we want of a Service's labels, annotations and traffic distribution, with the note of what was ours.

    `ports` are the names of the further ports that we keep. What the Canary gives is kept as it says and goes when it
    is taken out. Of a Service that is not `ours` a value stays that is there already and not of our writing; and on
    every Service what an unmanaged key says.
    """
    there: Object = {"metadata": {}, "spec": {}} if current is None else current
    before, new = Written.on(current), current is None
    alone = Unmanaged() if new else spec.unmanaged
    marked = _kept(given.labels, labels(there), before.labels, alone.labels, ours=ours)
    noted = _kept(given.annotations, annotations(there), before.annotations, alone.annotations, ours=ours)
    distribution = _distribution(spec.traffic_distribution, there, before, ours=ours)
    note = Written(
        labels=_present(marked) - spec.unmanaged.labels,
        annotations=_present(noted) - spec.unmanaged.annotations,
        ports=frozenset(ports),
        distribution=distribution or "",
    )
    body = {} if distribution is None else _written_distribution(distribution, there, before)
    return {"metadata": {"labels": marked, "annotations": {**noted, WRITTEN: str(note) or Absent()}}, "spec": body}


def kept_metadata(current: Object | None, given: Metadata) -> dict[str, dict[str, Any]]:
    """The labels and annotations that the Canary gives an object of ours, with the note that lets them go again."""
    there: Object = {"metadata": {}} if current is None else current
    before = Written.on(current)
    marked = _kept(given.labels, labels(there), before.labels, (), ours=True)
    noted = _kept(given.annotations, annotations(there), before.annotations, (), ours=True)
    note = str(Written(labels=_present(marked), annotations=_present(noted)))
    return {"labels": marked, "annotations": {**noted, WRITTEN: note or Absent()}}


def _present(wanted: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(key for key, value in wanted.items() if not isinstance(value, Absent))


def _kept(
    given: Mapping[str, str], have: Mapping[str, Any], before: Iterable[str], alone: Iterable[str], *, ours: bool
) -> dict[str, Any]:
    """The keys that are to say what is given, and those that have to go."""
    theirs = set() if ours else {key for key in have if key not in before}
    wanted: dict[str, Any] = {key: Absent() for key in before if key not in given}
    wanted |= {key: value for key, value in given.items() if key not in theirs}
    return {key: value for key, value in wanted.items() if key not in alone}


def _distribution(given: str | None, there: Object, before: Written, *, ours: bool) -> str | None:
    """The traffic distribution that is ours to keep, "" for none; None when it is somebody else's."""
    theirs = "trafficDistribution" in there["spec"] and not before.distribution
    return None if theirs and (given is None or not ours) else given or ""


def _written_distribution(wanted: str, there: Object, before: Written) -> dict[str, Any]:
    """A server that does not know the field drops it: what we wrote and is not there is not written again."""
    have = there["spec"].get("trafficDistribution")
    if wanted:
        return {} if have is None and before.distribution == wanted else {"trafficDistribution": wanted}
    return {"trafficDistribution": Absent()} if before.distribution and have == before.distribution else {}
