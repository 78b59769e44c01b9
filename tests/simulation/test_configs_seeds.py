"""Configs edited, deleted, made again and copied, amid everything else that can go wrong."""

import os
import random
from concurrent.futures import ProcessPoolExecutor

import pytest

from delivery.cluster.objects import CONFIG_MAPS, DAEMON_SETS, DEPLOYMENTS, SECRETS
from delivery.workloads.configs.references import references
from tests.simulation import bookinfo, wired
from tests.simulation.chaos import play
from tests.simulation.runner import run_seeds
from tests.simulation.simulation import Simulation

SEEDS = range(8)
SHARES = os.cpu_count() or 1


def _edit(sim: Simulation, rng: random.Random) -> None:
    wired.edit(sim, rng.choice(("black", "black", "red", "green")))


def _exchange(sim: Simulation, rng: random.Random) -> None:
    """A tool deletes a Secret and makes it again, with the same content or not."""
    if sim.store.peek(wired.LOGIN) is not None:
        sim.promises.tell("the Secret is exchanged")
        sim.store.delete(wired.LOGIN)
        sim.apply(SECRETS, wired.secret("login", {"password": rng.choice(("1234", "4321"))}))


def _lose(sim: Simulation, rng: random.Random) -> None:
    """Something that the pods need, or may have, is deleted; peace brings it back."""
    ref = rng.choice((wired.SETTINGS, wired.FILES))
    if sim.store.peek(ref) is not None:
        sim.promises.tell(f"{ref} is deleted")
        sim.store.delete(ref)


def _lose_copy(sim: Simulation, rng: random.Random) -> None:
    names = sorted(wired.copies(sim))
    if names:
        name = rng.choice(names)
        sim.promises.tell(f"the copy {name} is deleted")
        sim.store.delete(type(wired.FILES)(CONFIG_MAPS, bookinfo.NAMESPACE, name))


def _appear(sim: Simulation, rng: random.Random) -> None:
    sim.promises.tell("an optional one appears")
    sim.apply(CONFIG_MAPS, wired.config_map("extras", {"a": str(rng.random())}))


MORE = ((6, _edit), (2, _exchange), (2, _lose), (1, _lose_copy), (2, _appear))


class Peaceful(wired.Wired):
    """A world in which the last release comes with all that its pods need."""

    def release(self, version: str, **options: object) -> None:
        if version.startswith("v9"):
            wired.wire(self)
        super().release(version, **options)


def story(sim: Simulation) -> None:
    """A story with configs, and what must be true of them at its end."""
    wired.wire(sim)
    play(sim, MORE)
    wired.are_named_by_content(sim)
    primary = sim.store.peek(sim.primary) or {}
    named = {config.name for config in references(primary["spec"]["template"]) if "-primary-" in config.name}
    have = {*wired.copies(sim), *wired.copies(sim, SECRETS)}
    assert named == have, f"the primary names {named}, there are {have}\n{sim.told()}"
    if sim.status.last_promoted_spec == sim.status.last_applied_spec:
        assert wired.read_by(sim, sim.primary) == wired.read_by(sim, sim.target), sim.told()


@pytest.mark.parametrize("kind", [DEPLOYMENTS, DAEMON_SETS], ids=str)
def test_every_guarantee_is_kept_and_the_primary_runs_on_what_was_promoted(kind):
    asked = {"world": Peaceful, "story": story}
    with ProcessPoolExecutor(max_workers=SHARES) as pool:
        told = [pool.submit(run_seeds, SEEDS[share::SHARES], kind, **asked) for share in range(SHARES)]
        failures = [failure for each in told for failure in each.result().failures]
    assert not failures, failures[0]
