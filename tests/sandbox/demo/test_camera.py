"""A frame shows what the objects and the ledger say, nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from delivery.cluster.memory import EPOCH, Store, VirtualClock, VirtualLoop
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, VIRTUAL_SERVICES
from delivery.sandbox.demo.camera import Camera, routed, timers
from delivery.sandbox.demo.chronicle import Chronicle
from delivery.sandbox.demo.scene import CANARY
from delivery.sandbox.mesh import Fate
from delivery.sandbox.mesh.ledger import Ledger, Meeting

PLACE = {"namespace": "bookinfo", "service": "reviews", "source": "productpage"}
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def met(fate: Fate, workload: str = "", version: str = "", destination: str = "reviews-primary") -> Meeting:
    return Meeting(fate=fate, destination=destination, workload=workload, version=version, **PLACE)


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.tally(met(Fate.SERVED, "reviews", "v1")).add(0.0, 90.0, 4500.0)  # long ago
    ledger.tally(met(Fate.SERVED, "reviews-primary", "v2")).add(97.0, 100.0, 120.0)
    ledger.tally(met(Fate.SERVED, "reviews", "v3")).add(97.0, 100.0, 27.0)
    ledger.tally(met(Fate.BAD, "reviews", "v3")).add(97.0, 100.0, 3.0)
    return ledger


@pytest.fixture
def store() -> Store:
    return Store(VirtualClock(VirtualLoop()))


class Books:
    """A ledger at the time 100, as the mesh shows it."""

    now = 100.0

    def __init__(self, ledger: Ledger) -> None:
        self.by = ledger.by
        self._ledger = ledger

    def met(self, fate: Fate, **where: object) -> float:
        return self._ledger.total(fate=fate, **where)


def camera(store: Store, ledger: Ledger) -> Camera:
    chronicle = Chronicle(store, lambda: 41.0, manager="progressive-delivery")
    return Camera(store, Books(ledger), chronicle, clock=lambda: 41.0, now=lambda: EPOCH)


def test_rates_and_shares_are_those_of_the_last_seconds(store: Store, ledger: Ledger) -> None:
    store.create(DEPLOYMENTS, {"metadata": {"name": "reviews-primary"}, "spec": {}}, namespace="bookinfo")
    frame = camera(store, ledger).take()
    told = [(one.name, one.role, one.share, one.rate, one.bad) for one in frame.versions]
    assert told == [("v2", "primary", 80.0, 40.0, 0.0), ("v3", "canary", 20.0, 10.0, 1.0)]


def test_lost_and_bad_requests_are_counted_from_the_beginning_and_never_rounded_away(
    store: Store, ledger: Ledger
) -> None:
    taken = camera(store, ledger)
    assert (taken.lost(), taken.bad(), taken.bad("v3"), taken.bad("v2")) == (0, 3, 3, 0)
    ledger.tally(met(Fate.LOST)).add(50.0, 50.1, 0.2)
    assert taken.take().lost == 1


def test_the_canary_s_words_are_shown_as_they_are(store: Store, ledger: Ledger) -> None:
    check = {"name": "request-duration", "value": 45.06, "limit": "max 500 ms", "outcome": "pass"}
    status = {"phase": "Progressing", "step": "1/2", "canaryWeight": 20, "seenWeight": 20.3, "checks": [check]}
    store.create(CANARIES, {"metadata": {"name": "reviews"}, "spec": {"analysis": {}}}, namespace="bookinfo")
    store.patch(CANARY, [{"op": "add", "path": "/status", "value": status}], subresource="status")
    frame = camera(store, ledger).take()
    assert (frame.phase, frame.step, frame.wanted, frame.routed, frame.seen) == ("Progressing", "1/2", 20, None, 20.3)
    assert [(one.value, one.limit, one.outcome) for one in frame.checks] == [("45.1 ms", "max 500 ms", "pass")]


def test_what_is_routed_is_the_canary_s_branch(store: Store) -> None:
    shares = (("reviews-primary.bookinfo.svc.cluster.local", 80), ("reviews-canary.bookinfo.svc.cluster.local", 20))
    branches = [{"destination": {"host": host}, "weight": weight} for host, weight in shares]
    body = {"metadata": {"name": "reviews"}, "spec": {"http": [{"route": branches}]}}
    assert routed(store.create(VIRTUAL_SERVICES, body, namespace="bookinfo")) == 20
    assert routed(None) is None


@pytest.mark.parametrize(("after", "left"), [(-2.0, 7), (0.0, 5), (4.0, 1), (6.0, 4), (13.5, 2)])
def test_windows_follow_each_other_without_a_gap(after: float, left: int) -> None:
    run = {"windowsFrom": NOW.isoformat(), "step": 0}
    canary = {"spec": {"analysis": {"interval": "5s"}}, "status": {"phase": "Progressing", "run": run}}
    assert timers(canary, NOW + timedelta(seconds=after)) == [f"the window that is measured ends in {left} s"]


def test_a_drain_says_how_long_it_takes() -> None:
    canary = {"spec": {}, "status": {"phase": "Finalising", "stage": "drain", "stageSince": NOW.isoformat()}}
    assert timers(canary, NOW + timedelta(seconds=3)) == ["pods without traffic drain, 3 s so far"]
