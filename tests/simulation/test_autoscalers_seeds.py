"""Stories drawn from seeds, of autoscaled targets: every guarantee holds, and in the end nothing of a run is left."""

import random

import pytest

from delivery.cluster.objects import HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS
from strategies.status import Phase
from tests.simulation.autoscaling import (
    CLONE,
    KEDA_CLONE,
    KEDA_SOURCE,
    PAUSED_AT,
    PER_POD,
    SOURCE,
    Users,
    autoscaler,
    bounds,
    named,
    noted,
    pods,
    scaled_object,
)
from tests.simulation.chaos import PATIENCE, play
from tests.simulation.invariants import CANARY, PRIMARY, TARGET
from tests.simulation.simulation import Simulation

SEEDS = range(24)


class Autoscaled(Simulation):
    """A world whose target has an autoscaler, at which people and tools have their hands, too."""

    def __init__(self, seed: int) -> None:
        self.users = Users(random.Random(seed).choice((1, 3)) * PER_POD)
        super().__init__(seed, patience=PATIENCE, load=self.users)
        self.users.sim = self
        self.meddlers = random.Random(f"hands/{seed}")
        self.keda = seed % 2 == 1
        self.kind = SCALED_OBJECTS if self.keda else HORIZONTAL_POD_AUTOSCALERS
        self.source, self.clone = (KEDA_SOURCE, KEDA_CLONE) if self.keda else (SOURCE, CLONE)
        self.body = scaled_object(least=1, idleReplicaCount=0) if self.keda else autoscaler(least=1)

    def set_up(self, **options):
        """The autoscaler, and when hands are laid on it."""
        self.apply(self.kind, self.body)
        super().set_up(**options, autoscaler=named(self.kind))
        for _ in range(self.meddlers.randint(0, 4)):
            at = self.meddlers.uniform(20.0, 150.0)
            deed = self.meddlers.choice((self._set_back, self._lose, self._drop, self._limit))
            self.loop.call_later(at, deed, context=self.loop.world)

    def _set_back(self) -> None:
        self.promises.tell("the autoscaler is applied again")
        self.merge(self.source, {"spec": self.body["spec"]}, manager="argocd")

    def _lose(self) -> None:
        self.promises.tell("the autoscaler is deleted for a while")
        if self.store.peek(self.source) is not None:
            self.store.delete(self.source)
        self.loop.call_later(15.0, self.apply, self.kind, self.body, context=self.loop.world)

    def _drop(self) -> None:
        self.promises.tell("the reference is taken out for a while")
        self.merge(CANARY, {"spec": {"autoscalerRef": None}})
        put = {"spec": {"autoscalerRef": named(self.kind)}}
        self.loop.call_later(15.0, self.merge, CANARY, put, context=self.loop.world)

    def _limit(self) -> None:
        most = "maxReplicaCount" if self.keda else "maxReplicas"
        self.promises.tell("the autoscaler allows one pod for a while")
        least = bounds(self, self.source)[0] or 1
        self.merge(self.source, {"spec": {most: max(1, least)}})
        self.loop.call_later(15.0, self.merge, self.source, {"spec": {most: 10}}, context=self.loop.world)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_story_leaves_anything_behind(seed):
    with Autoscaled(seed) as sim:
        play(sim)
        sim.loop.advance(60)
        told = sim.told()
        if sim.status.phase is Phase.FAILED and sim.status.run is not None:
            return  # users are still on the canary, and it keeps what it needs
        spec = sim.store.peek(sim.source)["spec"]
        given = {name: spec.get(name) for name in sim.body["spec"]}
        assert given == sim.body["spec"], told
        assert noted(sim, sim.source) == ({PAUSED_AT: "0"} if sim.keda else {}), told
        assert bounds(sim, sim.clone) == (1, 10), told
        assert pods(sim, TARGET) == 0, told
        assert pods(sim, PRIMARY) >= 1, told
