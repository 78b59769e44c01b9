"""Several who want to lead, with clocks that disagree and a network that loses: never two at once."""

import asyncio
import random
from datetime import timedelta

import pytest

from delivery.cluster.elector import Elector
from delivery.cluster.errors import Unavailable, Unknown
from delivery.cluster.memory import EPOCH
from delivery.cluster.objects import LEASES, Ref

LEASE = Ref(LEASES, "delivery", "delivery")


class Network:
    """An Api through a bad network: late requests, late or lost answers, refused connections."""

    def __init__(self, loop, server, rng):
        self._loop, self._server, self._rng = loop, server, rng

    async def get(self, ref, *, timeout=10.0):
        return await self._call(self._server.get, ref, timeout=timeout, lost=Unavailable)

    async def create(self, ref, body, *, timeout=10.0):
        return await self._call(self._server.create, ref, body, timeout=timeout, lost=Unknown)

    async def patch(self, ref, ops, *, subresource="", timeout=10.0):
        return await self._call(self._server.patch, ref, ops, timeout=timeout, lost=Unknown)

    async def _call(self, method, *args, timeout, lost):
        if self._rng.random() < 0.1:
            raise Unavailable("connection refused")
        answer = self._loop.create_future()
        there, back = (self._rng.choice([0.0, 0.01, 1.0, 20.0 * self._rng.random()]) for _ in range(2))

        async def travel():
            await asyncio.sleep(there)
            try:
                outcome = (answer.set_result, await method(*args))
            except Exception as error:
                outcome = (answer.set_exception, error)
            await asyncio.sleep(back)
            if not answer.done():
                outcome[0](outcome[1])

        self._loop.spawn(travel())
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError as error:
            raise lost("no answer") from error


class SkewedClock:
    """A machine's own clocks: another start, another wall clock, which jumps."""

    def __init__(self, loop, rng):
        self._loop, self._rng, self._start = loop, rng, rng.uniform(0, 1e6)

    def monotonic(self):
        return self._start + self._loop.time()

    def now(self):
        return EPOCH + timedelta(seconds=self._loop.time() + self._rng.choice([-3600, -1, 0, 0, 7]))


class Contest:
    """Processes that want to lead through a bad network, are paused, killed and started again."""

    def __init__(self, scene, seed):
        self.loop, self.server, self.seed = scene.loop, scene.server, seed
        self.rng = random.Random(f"contest/{seed}")
        self.electors = {}
        self.terms = []
        self.started = 0
        self.loop.on_step = self.check
        for _ in range(3):
            self.start()

    def start(self):
        self.started += 1
        name = f"p{self.started}"
        own = random.Random(f"{self.seed}/{name}")
        self.electors[name] = elector = Elector(
            Network(self.loop, self.server, own),
            SkewedClock(self.loop, own),
            namespace="delivery",
            name="delivery",
            identity=name,
            rng=own,
        )
        self.loop.spawn(self.life(elector, own), instance=name)

    async def life(self, elector, rng):
        while True:
            await elector.acquire()
            if rng.random() < 0.3:
                hold = asyncio.ensure_future(elector.hold())
                await asyncio.sleep(rng.uniform(0, 40))
                hold.cancel()
                await elector.release()
            else:
                await elector.hold()

    def leading(self):
        return [(name, elector.epoch) for name, elector in self.electors.items() if elector.remaining() > 0]

    def check(self):
        leading = self.leading()
        assert len(leading) <= 1, f"seed {self.seed}: {leading} lead at {self.loop.time()}"
        if leading and leading[0] not in self.terms[-1:]:
            self.terms += leading

    def disturb(self):
        victim = next((name for name, _ in self.leading()), None) or self.rng.choice(list(self.electors))
        match self.rng.choice(["pause", "pause", "kill", "touch", "rest"]):
            case "pause":
                self.loop.pause(victim)
                self.loop.advance(self.rng.uniform(1, 30))
                self.loop.resume(victim)
            case "kill":
                self.loop.kill(victim)
                del self.electors[victim]
                self.start()
            case "touch" if LEASE in self.server.objects:
                note = {"touched": str(self.rng.random())}
                self.server.write(LEASES, "delivery", "delivery", metadata={"annotations": note})
        self.loop.advance(self.rng.uniform(0, 30))

    def delete(self):
        """The Lease disappears under processes that have all seen it."""
        if LEASE in self.server.objects and all(elector._seen for elector in self.electors.values()):
            self.server.erase(LEASES, "delivery", "delivery")
        self.loop.advance(self.rng.uniform(0, 30))


@pytest.mark.parametrize("seed", range(60))
def test_never_two_lead_at_once_and_epochs_grow(scene, seed):
    contest = Contest(scene, seed)
    for _ in range(25):
        contest.disturb()
    epochs = [epoch for _, epoch in contest.terms]
    assert len(epochs) >= 2
    assert epochs == sorted(set(epochs))


@pytest.mark.parametrize("seed", range(60))
def test_never_two_lead_at_once_although_the_lease_is_deleted_again_and_again(scene, seed):
    contest = Contest(scene, seed)
    for _ in range(15):
        contest.disturb()
        contest.delete()
    assert len(contest.terms) >= 2
