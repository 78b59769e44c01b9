"""A window is judged by its limits and against the primary; either can fail it, both have to pass it."""

from dataclasses import replace

import pytest

from metrics import comparison
from metrics.verdict import Evidence, Outcome, Verdict

FEW = Evidence(canary_requests=50, canary_bad=1, primary_requests=900, primary_bad=2, strength=2.0, needed=100.0)
AS_BAD = replace(FEW, canary_requests=500, canary_bad=25, primary_requests=500, primary_bad=25, strength=0.1)
WORSE = replace(FEW, canary_bad=40, strength=1e6)

PASSED = Verdict(Outcome.PASS, value=99.5, limit="min 99")
BROKEN = Verdict(Outcome.FAIL, value=95.0, limit="min 99", message="95 is below the minimum of 99")
SILENT = Verdict(Outcome.INCONCLUSIVE, limit="min 99", message="no data")
AWAY = Verdict(Outcome.ERROR, limit="min 99", message="nobody answers")


def compared(outcome: Outcome, evidence: Evidence | None = FEW) -> Verdict:
    message = evidence.sentence if evidence is not None else "could not be compared"
    return Verdict(outcome, limit="max 1.25 x primary", message=message, memory="after", evidence=evidence)


@pytest.mark.parametrize(
    ("limits", "other", "outcome"),
    [
        (PASSED, Outcome.PASS, Outcome.PASS),
        (PASSED, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE),
        (PASSED, Outcome.ERROR, Outcome.ERROR),
        (PASSED, Outcome.FAIL, Outcome.FAIL),
        (BROKEN, Outcome.PASS, Outcome.FAIL),
        (BROKEN, Outcome.INCONCLUSIVE, Outcome.FAIL),
        (BROKEN, Outcome.ERROR, Outcome.FAIL),
        (SILENT, Outcome.PASS, Outcome.INCONCLUSIVE),
        (AWAY, Outcome.PASS, Outcome.ERROR),
        (AWAY, Outcome.FAIL, Outcome.FAIL),
        (SILENT, Outcome.ERROR, Outcome.ERROR),
    ],
)
def test_either_fails_a_window_and_both_pass_it(limits: Verdict, other: Outcome, outcome: Outcome) -> None:
    whole = comparison.together(limits, compared(other))
    assert whole.outcome is outcome
    assert whole.memory == "after"
    assert whole.limit == "min 99, max 1.25 x primary"


def test_a_broken_limit_says_when_the_primary_is_as_bad_and_still_fails() -> None:
    whole = comparison.together(BROKEN, compared(Outcome.INCONCLUSIVE, AS_BAD))
    assert whole.outcome is Outcome.FAIL
    assert whole.message == (
        "95 is below the minimum of 99; the primary is as bad: 25 of 500 requests failed (5 %) against 25 of 500 (5 %) "
        "on the primary, so the cause is probably not this release"
    )


def test_only_a_failed_comparison_needs_no_second_window() -> None:
    assert comparison.together(PASSED, compared(Outcome.FAIL, WORSE)).evidence == WORSE
    assert comparison.together(BROKEN, compared(Outcome.INCONCLUSIVE)).evidence == FEW


def test_what_is_undecided_keeps_its_numbers() -> None:
    assert comparison.together(PASSED, compared(Outcome.INCONCLUSIVE)).undecided
    assert not comparison.together(SILENT, compared(Outcome.INCONCLUSIVE, None)).undecided
