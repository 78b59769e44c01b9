"""The end of a story: peace, then rest, then what must be true, and sometimes a farewell that leaves nothing behind."""

import random
from typing import Any

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, LEASES, SERVICES, Ref
from strategies.status import Phase
from tests.simulation import bookinfo
from tests.simulation.deeds import HARMFUL
from tests.simulation.invariants import CANARY, at_rest
from tests.simulation.simulation import BEHAVIOUR, Simulation

DELETION_SECONDS = 300.0
WAITS_FOR_A_PERSON = ("TargetNotPromoted", "TargetNotReady", "OriginalLost")
REST_EVERY = 4
"""Each so many-th story ends with minutes of rest, in which nothing may be asked."""


def _restored(sim: Simulation) -> dict[str, Any]:
    """A merge patch that brings the analysis back to what it was at the beginning."""
    given = sim.canary["spec"]["analysis"]
    known = (sim.store.peek(CANARY) or {}).get("spec", {}).get("analysis", {})
    return {**dict.fromkeys(known), **given}


def make_peace(sim: Simulation, rng: random.Random) -> str:
    """Everything works again, and a last version is released; its quality."""
    sim.promises.tell("peace")
    sim.faults.heal()
    sim.faults.watch_lag = (0.0, 0.1)
    sim.analyst.away = sim.analyst.quiet = False
    for name in sim.alive:
        sim.loop.resume(name)
    sim.loop.advance(30.0)
    sim.at_peace()
    if sim.people is not None:
        sim.people.at_peace()
    end_deletion(sim)
    _mend_what_serves(sim)
    quality = rng.choice(("good", "good", "bad"))
    if sim.store.peek(sim.workload) is None:
        sim.promises.tampered()
    sim.release(f"v9-{quality}", quality=quality)
    if sim.store.peek(CANARY) is None:
        sim.promises.tampered()
        sim.clear_the_way()
        sim.apply(CANARIES, sim.canary)
    else:
        sim.edit(paused=True, suspend=False, analysis=_restored(sim))
        sim.loop.advance(20.0)
        sim.edit(paused=False)
    return quality


def _mend_what_serves(sim: Simulation) -> None:
    """Behind a Service a version that was promoted can be edited in place; only who broke it so can mend it."""
    if sim.target.kind != SERVICES:
        return
    leads = sim.store.peek(Ref(SERVICES, bookinfo.NAMESPACE, "reviews-primary")) or {"spec": {}}
    version = (leads["spec"].get("selector") or {}).get("version", "")
    ref = Ref(DEPLOYMENTS, bookinfo.NAMESPACE, f"{bookinfo.NAME}-{version}")
    body = sim.store.peek(ref) or {"spec": {"template": {"metadata": {}}}}
    behaviour = (body["spec"]["template"]["metadata"].get("annotations") or {}).get(BEHAVIOUR, "healthy")
    if behaviour != "healthy":
        sim.promises.tell(f"{ref} is mended")
        sim.merge(ref, {"spec": {"template": {"metadata": {"annotations": {BEHAVIOUR: "healthy"}}}}})


def end_deletion(sim: Simulation) -> None:
    """A deletion comes to its end by itself, or says which person it waits for, and then that person acts."""
    if sim.loop.run_until(lambda: not _is_going(sim) or _waits_for(sim) != "", DELETION_SECONDS):
        if not _is_going(sim):
            return
        waits = _waits_for(sim)
        sim.promises.tell(f"the deletion waits for a person: {waits}")
        if waits == "TargetNotPromoted" and sim.set_back() and _has_gone(sim):
            return
        sim.edit(revertOnDeletion=False)
    sim.until(lambda: not _is_going(sim), seconds=DELETION_SECONDS, what="the Canary gone")


def _has_gone(sim: Simulation) -> bool:
    return sim.loop.run_until(lambda: not _is_going(sim), DELETION_SECONDS)


def _is_going(sim: Simulation) -> bool:
    body = sim.store.peek(CANARY)
    return body is not None and "deletionTimestamp" in body["metadata"]


def _waits_for(sim: Simulation) -> str:
    """The reason for which a deletion stands still until a person acts."""
    found = sim.status.condition("Ready")
    return found.reason if found is not None and found.reason in WAITS_FOR_A_PERSON else ""


def rested(sim: Simulation) -> bool:
    """Is there nothing left to do, with the last release taken up?"""
    status = sim.status
    return status.phase is not Phase.WAITING and at_rest(status) and sim.is_applied


def farewell(sim: Simulation) -> None:
    """The Canary goes and leaves nothing behind, unless what would come to users then was never promoted."""
    sim.promises.tell("farewell")
    sim.promises.tampered()
    sim.edit(revertOnDeletion=True)
    sim.loop.advance(5.0)
    sim.store.delete(CANARY)
    end_deletion(sim)
    sim.loop.advance(10.0)
    _served(sim)
    if any("'revertOnDeletion': False" in line for line in sim.promises.story[-5:]):
        return  # somebody took it back
    left = sim.theirs.left()
    assert not left, f"{left}\n{sim.told()}"


def judge(sim: Simulation, quality: str) -> None:
    """What must be true at the end of every story."""
    status, told = sim.status, sim.told()
    version, serving = sim.serving
    assert sim.weight == 0 or status.phase is Phase.FAILED, told
    if quality == "good":
        assert status.phase in (Phase.SUCCEEDED, Phase.INITIALIZED), told
        assert serving == "good", told
        assert version == "v9-good", told
    _served(sim)
    if sim.people is not None:
        sim.people.judge()
    assert not sim.loop.errors, f"{sim.loop.errors}\n{told}"
    if (sim.loop.seed or 0) % REST_EVERY == 0:
        _idle_costs_nothing(sim)


def _served(sim: Simulation) -> None:
    if not HARMFUL & sim.deeds:
        assert not sim.promises.users_lost, f"users met no ready pod though nobody took one away\n{sim.told()}"


def _idle_costs_nothing(sim: Simulation) -> None:
    """G5: with nothing to do, nothing is asked and nothing is written but watches and the Lease."""
    before = {name: len(api.log) for name, api in sim.apis.items()}
    sim.loop.advance(90.0)
    before = {name: len(api.log) for name, api in sim.apis.items()}
    sim.loop.advance(120.0)
    extra = [
        str(request)
        for name, api in sim.apis.items()
        for request in api.log[before.get(name, 0) :]
        if request.verb not in ("watch", "list") and request.kind != LEASES
    ]
    assert not extra, f"G5: requests at rest: {extra}\n{sim.told()}"
