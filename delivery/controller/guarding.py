"""Looks up what would stop doing its work once users are with the primary, at no cost while none of that changes.

Before traffic is taken over it is a refusal. Afterwards it is a warning: a policy that came later is somebody's
decision to correct, and moving users because of it would only add to the harm.
"""

from collections.abc import Iterable
from typing import Final

from delivery.cluster.cache import key_of
from delivery.cluster.indexes import HOST_INDEX, MENTIONS_INDEX, NAMESPACE_INDEX, TARGET_INDEX
from delivery.cluster.objects import SERVICES, Kind, Object
from delivery.cluster.policies import CHOOSERS, FLAGGER_CANARIES, GUARDED, SIDECARS
from delivery.cluster.reader import Reader
from delivery.controller.guarded import Guarded, Known
from delivery.controller.interest import MENTIONS, Place
from delivery.controller.picture import Picture
from delivery.routing.caution import Caution
from delivery.routing.flagger import owned_by_flagger
from delivery.routing.mesh import hides_roles, without_proxy
from delivery.routing.policies import Roles, roles_of, telling_apart, would_miss
from delivery.workloads.names import Names
from delivery.workloads.ownership import is_managed
from strategies.snapshot import Problem

UNKNOWN: Final = "PoliciesUnknown"
"""The refusal that goes by itself, with the answer of the API server."""


class Guards:
    """Looks at everything of which a Reader keeps whom it selects."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._choosers = tuple(kind for kind in (SERVICES, *CHOOSERS) if reader.watches(kind))
        self._waited_for = tuple(kind for kind in GUARDED if reader.watches(kind))
        self._tally = reader.tally(self._choosers)

    def look(self, known: Known, picture: Picture, caution: Caution) -> Guarded:
        """What there is to be said before traffic is taken over; `known` is what was found last, and is renewed."""
        self._renew(known, picture, caution)
        concern = known.concern
        if concern is None and caution.reported:
            concern = without_proxy(picture.names, picture.pods, caution.acknowledged)
        return Guarded(concern=concern, foreign=self._foreign(picture), unknown=self._unknown(), places=known.places)

    def _renew(self, known: Known, picture: Picture, caution: Caution) -> None:
        if known.target is not picture.target or known.primary is not picture.primary:
            known.target, known.primary = picture.target, picture.primary
            names, kind = picture.names, picture.workload
            known.roles = roles_of(names, kind, picture.target, picture.primary, caution.root)
        source = (self._tally.count, picture.names, known.roles, caution)
        if source == known.source:
            return
        known.source = source
        found, considered = self._telling_apart(picture.names, known.roles)
        known.concern = would_miss(picture.names, found, caution.acknowledged)
        hosts = caution.meshed and picture.route.subsets is None  # subsets are of the apex host, which callers know
        if known.concern is None and hosts and SIDECARS in self._choosers:
            sidecars = self._reader.indexed(SIDECARS, HOST_INDEX, picture.names.apex)
            known.concern = hides_roles(picture.names, sidecars, caution.acknowledged, root=caution.root)
        mentioned = known.roles.mentioned if known.roles is not None else ()
        known.places = (*((MENTIONS, "", each) for each in mentioned), *considered)

    def _telling_apart(
        self, names: Names, roles: Roles | None
    ) -> tuple[dict[Kind, Iterable[tuple[str, str]]], tuple[Place, ...]]:
        """By kind, what tells the roles apart; and every object that was considered."""
        found: dict[Kind, Iterable[tuple[str, str]]] = {}
        considered: list[Place] = []
        for kind in self._choosers if roles is not None else ():
            bodies = self._considered(kind, names, roles)
            considered += [(kind.kind, *key_of(body)) for body in bodies]
            if bodies and roles is not None and (apart := telling_apart(kind, bodies, roles)):
                found[kind] = apart
        return found, tuple(considered)

    def _considered(self, kind: Kind, names: Names, roles: Roles | None) -> list[Object]:
        """What names a label that tells the roles apart, with what may be its copy.

        Without Services that are a Canary's own: whom they select follows the roles.
        """
        naming: dict[tuple[str, str], Object] = {}
        for place in roles.mentioned if roles is not None else ():
            naming.update((key_of(body), body) for body in self._reader.indexed(kind, MENTIONS_INDEX, place))
        if kind == SERVICES:
            own = {(names.namespace, name) for name in (names.apex, names.primary_service, names.canary_service)}
            return [body for key, body in naming.items() if key not in own and not is_managed(body)]
        namespaces = sorted({namespace for namespace, _ in naming})
        return [body for each in namespaces for body in self._reader.indexed(kind, NAMESPACE_INDEX, each)]

    def _foreign(self, picture: Picture) -> Problem | None:
        names, kind = picture.names, picture.workload.kind
        objects = (
            (kind, picture.primary),
            (SERVICES, picture.apex),
            (SERVICES, picture.primary_service),
            (SERVICES, picture.canary_service),
            *((ref.kind, body) for ref, body in picture.mesh.objects.items()),
        )
        canaries: Iterable[Object] = ()
        if self._reader.watches(FLAGGER_CANARIES):
            canaries = self._reader.indexed(FLAGGER_CANARIES, TARGET_INDEX, f"{names.namespace}/{names.target}")
        return owned_by_flagger(names, objects, canaries, target=kind.kind)

    def _unknown(self) -> Problem | None:
        waiting = self._waited_for = tuple(self._reader.unanswered(self._waited_for))
        if not waiting:
            return None
        kinds = ", ".join(kind.plural + "." + kind.group for kind in waiting)
        return Problem(
            reason=UNKNOWN,
            message=f"the API server has not said yet which {kinds} there are; it is asked again by itself, and if it "
            "cannot answer, take the permission to list them from the controller to go on without",
        )
