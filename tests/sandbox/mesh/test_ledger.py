"""The ledger keeps what users met, however long it takes, and says since when."""

import pytest

from delivery.sandbox.mesh.ledger import LONGEST, Fate, Ledger, Meeting

CUT = Meeting(Fate.LOST, "shop", "reviews", "reviews-canary", "productpage", flag="UC")
BAD = Meeting(Fate.BAD, "shop", "reviews", "reviews-canary", "productpage", version="v2")


def test_requests_are_told_apart_by_any_fields() -> None:
    ledger = Ledger()
    ledger.tally(CUT).add(0.0, 10.0, 5.0)
    ledger.tally(BAD).add(0.0, 10.0, 20.0)

    assert ledger.total(fate="lost") == 5.0
    assert ledger.by("fate", "version") == {("lost", ""): 5.0, ("bad", "v2"): 20.0}
    assert ledger.by("flag", fate="lost", namespace="other") == {}


def test_what_was_met_before_does_not_count_since() -> None:
    ledger = Ledger()
    ledger.tally(BAD).add(0.0, 10.0, 20.0)
    ledger.tally(BAD).add(10.0, 10.0, 3.0)  # at one moment

    assert ledger.total(since=5.0) == pytest.approx(13.0)
    assert ledger.total(since=10.0) == 3.0
    assert ledger.total(since=10.1) == 0.0


def test_nothing_gets_lost_over_a_long_time() -> None:
    ledger = Ledger()
    for second in range(20 * LONGEST):
        ledger.tally(BAD).add(second, second + 1, 1.0)
        ledger.tally(BAD).add(second, second + 1, 1.0)

    assert len(ledger.tally(BAD).stretches) <= LONGEST
    assert ledger.total() == pytest.approx(40 * LONGEST)
    assert ledger.total(since=10 * LONGEST) == pytest.approx(20 * LONGEST, rel=0.01)
