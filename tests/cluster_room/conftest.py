"""Virtual time and a scripted server for the machinery above the transport."""

import random
from dataclasses import dataclass, field

import pytest

from delivery.cluster.memory import VirtualClock, VirtualLoop
from delivery.cluster.objects import Ref
from delivery.cluster.projections import PROJECTIONS
from delivery.cluster.reader import Reader
from tests.cluster_room.scripted import Server


@dataclass
class Scene:
    """A server, a virtual clock, a reader of some kinds, and what the reader told."""

    loop: VirtualLoop
    server: Server = field(default_factory=Server)
    changes: list = field(default_factory=list)
    reader: Reader | None = None

    def __post_init__(self):
        self.clock = VirtualClock(self.loop)

    def read(self, *kinds, start=True, **options):
        """A running, synced reader."""
        self.reader = Reader(
            options.pop("api", self.server), self.clock, kinds={kind: PROJECTIONS[kind] for kind in kinds},
            namespace=None, on_change=options.pop("on_change", self.note), rng=random.Random(1), **options,
        )
        if start:
            self.task = self.loop.spawn(self.reader.run())
            self.loop.advance(0)
        return self.reader

    def note(self, kind, body):
        self.changes.append((kind.kind, body["metadata"]["name"]))

    def run(self, coro, within=600):
        """What a coroutine returns, or raises, in virtual time."""
        outcome = []

        async def story():
            try:
                outcome.append((await coro, None))
            except Exception as error:
                outcome.append((None, error))

        self.loop.spawn(story())
        assert self.loop.run_until(lambda: bool(outcome), max_time=within), "it has not ended"
        value, error = outcome[0]
        if error is not None:
            raise error
        return value

    def names(self, kind):
        return [body["metadata"]["name"] for body in self.reader.list(kind)]


def ref(kind, name, namespace="shop"):
    return Ref(kind, namespace, name)


@pytest.fixture
def scene(loop):
    return Scene(loop)
