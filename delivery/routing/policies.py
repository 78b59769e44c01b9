"""What would stop doing its work, or begin to do it, because the primary's pods have one label of another value.

A policy may tell the roles apart only by the labels that it names, so whoever chooses a target's pods and not those of
the primary made from it names one of the two values. Of several that say the same of whom they choose, one is enough:
that is what a copy is. Nothing here moves traffic; it is told before users come to the primary.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from delivery.cluster.objects import Kind, Object
from delivery.cluster.policies import ANYWHERE, MESH_WIDE, TARGET_NAME, Choice, choices_of, named
from delivery.workloads.names import Names
from delivery.workloads.selectors import selects
from delivery.workloads.targets.target_kind import TargetKind
from strategies.snapshot import Problem

ROOT_NAMESPACE = "istio-system"
"""Istio's root namespace, unless its installation says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The labels by which something may choose the pods of one Canary's roles, in `namespace`.

    Both are those of the target's present template; `root` is Istio's root namespace.
    """

    namespace: str
    target: Mapping[str, str]
    primary: Mapping[str, str]
    root: str = ROOT_NAMESPACE
    mentioned: tuple[str, ...] = field(init=False)
    """Under which "namespace/key=value" everything is found that can tell the roles apart."""

    def __post_init__(self) -> None:
        apart = sorted(set(self.target.items()) ^ set(self.primary.items()))
        places = dict.fromkeys((self.namespace, self.root, ANYWHERE))
        mentioned = tuple(f"{place}/{key}={value}" for place in places for key, value in apart)
        object.__setattr__(self, "mentioned", mentioned)


def roles_of(names: Names, kind: TargetKind, target: Object | None, primary: Object | None, root: str) -> Roles | None:
    """The roles' labels; None when no primary is made of the target's pods."""
    template = ((target or {}).get("spec") or {}).get("template")
    if template is None or kind.routes_only:
        return None
    own, copied, *_ = kind.selections(target, primary, ())
    if not own or not copied:
        return None
    labels = (template.get("metadata") or {}).get("labels") or {}
    apart = {key: copied[key] for key in own if copied.get(key, own[key]) != own[key]}
    name = f"{kind.kind.kind}/"
    return Roles(
        namespace=names.namespace,
        target={**labels, TARGET_NAME: name + names.target},
        primary={**labels, **apart, TARGET_NAME: name + names.primary},
        root=root,
    )


def telling_apart(kind: Kind, bodies: Iterable[Object], roles: Roles) -> dict[tuple[str, str], None]:
    """Namespace and name of each object that chooses pods of one role only, without being, or having, a copy.

    Given every object of the kind in the namespaces of those that name the labels; whoever chooses the primary alone
    by its own label is taken to mean it.
    """
    groups: dict[tuple[str, str], list[tuple[tuple[str, str], Choice]]] = {}
    for body in bodies:
        namespace, name = body["metadata"].get("namespace", ""), body["metadata"]["name"]
        for choice in choices_of(kind, body):
            if _looks_at(kind, choice, namespace, roles):
                groups.setdefault((namespace, choice["group"]), []).append(((namespace, name), choice))
    found = (each for members in groups.values() for each in _of_one_role(members, roles))
    return dict.fromkeys(sorted(found))


def _looks_at(kind: Kind, choice: Choice, namespace: str, roles: Roles) -> bool:
    if choice.get("namespaces") is not None:
        return ANYWHERE in choice["namespaces"] or roles.namespace in choice["namespaces"]
    return namespace == roles.namespace or (kind in MESH_WIDE and namespace == roles.root)


def _of_one_role(members: Iterable[tuple[tuple[str, str], Choice]], roles: Roles) -> Iterator[tuple[str, str]]:
    """Of those that say the same: who chooses one role, when no other chooses the other."""
    members = list(members)
    target = [which for which, choice in members if selects(choice, roles.target)]
    primary = [(which, choice) for which, choice in members if selects(choice, roles.primary)]
    if target and not primary:
        yield from target
    elif primary and not target:
        yield from (which for which, choice in primary if not _means_the_primary(choice, roles))


def _means_the_primary(choice: Choice, roles: Roles) -> bool:
    """Is the primary chosen by its own value of the label, and not because it lacks the target's?"""
    own = set(roles.primary.items()) - set(roles.target.items())
    positive = [each for each in choice.get("matchExpressions") or () if each["operator"] == "In"]
    return not own.isdisjoint(named({**choice, "matchExpressions": positive}))


Found = Mapping[Kind, Iterable[tuple[str, str]]]
"""Namespaces and names of objects, by kind."""


def would_miss(names: Names, found: Found, acknowledged: Iterable[str]) -> Problem | None:
    """Does anything choose pods of one role only, that nobody has acknowledged?

    `found` is what telling_apart answers, by kind.
    """
    known = frozenset(acknowledged)
    every = [called(kind, namespace, name, names) for kind, which in found.items() for namespace, name in which]
    missing = [each for each in every if each not in known]
    if not missing:
        return None
    return Problem(
        reason="PolicyWouldMiss",
        message=listed(
            missing,
            f"tell {names.target} from {names.primary} by a label: choose both, add a copy for the primary, or list "
            "them in spec.preflight.acknowledge",
        ),
    )


def called(kind: Kind, namespace: str, name: str, names: Names) -> str:
    """How an object is named in messages and acknowledged: Kind/name, elsewhere Kind/namespace/name."""
    return f"{kind}/{name}" if namespace == names.namespace else f"{kind}/{namespace}/{name}"


MESSAGE_ROOM = 240
"""Characters that a message may have in a status; the way out must not be what is cut off."""


def listed(things: list[str], rest: str) -> str:
    """A sentence that begins with as many of the things as there is room for, and says how many more there are."""
    shown = 1
    while shown < len(things) and len(_some(things, shown + 1)) + len(rest) < MESSAGE_ROOM:
        shown += 1
    return f"{_some(things, shown)} {rest}"


def _some(things: list[str], shown: int) -> str:
    more = len(things) - shown
    return ", ".join(things[:shown]) + (f" and {more} more" if more else "")
