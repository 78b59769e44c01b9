"""The numbers behind a verdict, as people say them."""

import pytest

from metrics.verdict import Evidence, Outcome, Verdict, rate


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        (0, "0"), (100, "100"), (0.2296, "0.23"), (4.734, "4.7"), (9.96, "10"), (12.5, "12"), (50, "50"),
        (99.96, "99.96"), (99.9999, "99.9999"), (0.0001, "0.0001"), (95.27, "95.3"), (1.0, "1"),
    ],
)  # fmt: skip
def test_what_is_nearly_nothing_or_everything_never_reads_as_if_it_were(percent: float, text: str) -> None:
    assert rate(percent) == text


def test_failures_of_both_roles_in_one_sentence() -> None:
    evidence = Evidence(canary_requests=1204, canary_bad=57, primary_requests=4790, primary_bad=11)

    assert evidence.sentence == "57 of 1,204 requests failed (4.7 %) against 11 of 4,790 (0.23 %) on the primary"


def test_slow_requests_name_the_edge_and_both_shares() -> None:
    evidence = Evidence(canary_requests=200, canary_bad=52, primary_requests=1000, primary_bad=20, edge=1000.0)

    assert (
        evidence.sentence == "52 of 200 requests took longer than 1,000 ms (26 %) against 20 of 1,000 (2 %) on the "
        "primary"
    )


def test_a_primary_that_was_not_counted_is_not_spoken_of() -> None:
    assert Evidence(canary_requests=10, canary_bad=1).sentence == "1 of 10 requests failed (10 %)"
    assert Evidence(canary_requests=0, canary_bad=0).sentence == "0 of 0 requests failed"


def test_undecided_is_too_few_requests_and_not_none() -> None:
    some, none = (Evidence(canary_requests=count, canary_bad=0) for count in (3, 0))

    assert Verdict(Outcome.INCONCLUSIVE, evidence=some).undecided
    assert not Verdict(Outcome.INCONCLUSIVE, evidence=none).undecided
    assert not Verdict(Outcome.INCONCLUSIVE).undecided
    assert not Verdict(Outcome.PASS, evidence=some).undecided
