"""What people have said of a Canary, read from the objects that hold it. Costs no request."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from delivery.api.commands import command_of
from delivery.api.parse import InvalidSpec, parse_approval, parse_freeze
from delivery.cluster.indexes import APPROVES_INDEX
from delivery.cluster.objects import APPROVALS, FREEZES, Kind, Object, Ref
from delivery.cluster.reader import Reader
from delivery.gates.seal import Seal
from delivery.gates.stamping import speaker
from strategies.commands import MAX_BY, Command
from strategies.permits import Approval, Frozen

CLAIMED = "claimed"
_MARK = f" ({CLAIMED})"
MOST_READ = 1024
"""How many objects are remembered as they were read."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Word:
    """An Approval: the object, and what it says; or in words why nobody can tell."""

    body: Object
    says: Approval | str

    @property
    def answered(self) -> datetime | None:
        """When it was answered in its status, if it was."""
        status = self.body.get("status") or {}
        return _moment(status.get("answered")) if status.get("state") else None


class People:
    """Finds the words of people. `home` is the controller's own namespace, where a Freeze is for all Canaries."""

    def __init__(self, reader: Reader, seal: Seal, home: str) -> None:
        self._reader = reader
        self._seal = seal
        self._home = home
        self._read: dict[Ref, tuple[Object, Word | Frozen | None]] = {}

    def words(self, namespace: str, canary: str) -> tuple[Word, ...]:
        """The Approvals that are about a Canary, the oldest first."""
        found = self._reader.indexed(APPROVALS, APPROVES_INDEX, f"{namespace}/{canary}")
        words = [word for body in found if isinstance(word := self._known(APPROVALS, body), Word)]
        return tuple(sorted(words, key=lambda word: (_made(word.body), word.body["metadata"]["name"])))

    def approvals(self, namespace: str, canary: str) -> tuple[Approval, ...]:
        """What they say that has not been answered yet, as far as anybody can tell."""
        said = (word.says for word in self.words(namespace, canary) if word.answered is None)
        return tuple(each for each in said if isinstance(each, Approval))

    def frozen(self, namespace: str, now: datetime) -> Frozen | None:
        """The Freeze that holds for a namespace's Canaries and ends last."""
        places = dict.fromkeys((namespace, self._home))
        bodies = (body for place in places for body in self._reader.list(FREEZES, place))
        found = [each for body in bodies if isinstance(each := self._known(FREEZES, body), Frozen)]
        return max((each for each in found if each.until > now), key=lambda each: each.until, default=None)

    def command(self, body: Object) -> Command | None:
        """The command on a Canary, with who gave it, marked if that is only a claim."""
        found = command_of(body)
        if found is None:
            return None
        user = speaker(self._seal, body)
        if user is None and not found.by:
            return found
        return replace(found, by=user[:MAX_BY] if user is not None else f"{found.by[: MAX_BY - len(_MARK)]}{_MARK}")

    def places(self, namespace: str) -> tuple[tuple[str, str, str], ...]:
        """Where a change of a Freeze concerns the Canaries of a namespace."""
        return tuple((FREEZES.kind, place, "") for place in dict.fromkeys((namespace, self._home)))

    def _known(self, kind: Kind, body: Object) -> Word | Frozen | None:
        ref = Ref.of(kind, body)
        known = self._read.get(ref)
        if known is None or known[0] is not body:
            known = self._read[ref] = (body, self._word(body) if kind == APPROVALS else self._freeze(body))
            while len(self._read) > MOST_READ:
                self._read.pop(next(iter(self._read)))
        return known[1]

    def _word(self, body: Object) -> Word:
        try:
            said = parse_approval(body).spec
        except InvalidSpec as error:
            return Word(body, "; ".join(str(error).splitlines()))
        return Word(
            body,
            Approval(
                name=body["metadata"]["name"],
                run=said.run,
                revision=said.revision,
                gate=said.gate,
                step=said.step,
                approves=said.decision == "approve",
                by=self._by(body, APPROVALS),
                reason=said.reason,
                at=_made(body),
            ),
        )

    def _freeze(self, body: Object) -> Frozen | None:
        try:
            said = parse_freeze(body).spec
        except InvalidSpec:
            return None  # an API server that checks nothing: what can't be read holds nobody up
        return Frozen(until=said.until.astimezone(UTC), by=self._by(body, FREEZES), reason=said.reason)

    def _by(self, body: Object, kind: Kind) -> str:
        """The user, marked if it is only a claim."""
        spec: Mapping[str, Any] = body.get("spec") or {}
        name = str(spec.get("user") or "somebody")
        return name if self._seal.vouches(body, kind) else f"{name}{_MARK}"


def _made(body: Object) -> datetime:
    return _moment(body["metadata"].get("creationTimestamp"))


def _moment(text: object) -> datetime:
    """A moment as an API server writes it; one that nobody can read is long ago."""
    try:
        found = datetime.fromisoformat(str(text or ""))
    except ValueError:
        return _BEGINNING
    return found if found.tzinfo is not None else _BEGINNING
