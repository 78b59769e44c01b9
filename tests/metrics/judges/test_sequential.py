"""The comparison with the primary: when it fails, when it passes, when it says that it cannot tell."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.judges.memory import Memory
from metrics.judges.sequential import judge
from metrics.judges.settings import CompareWithPrimary
from metrics.verdict import Outcome
from tests.metrics.judges.windows import SETTINGS, judged, window


def test_a_bad_release_fails_and_says_so_in_numbers() -> None:
    (verdict,), _ = judged([window(0, canary=(1204, 57), primary=(4790, 11), pods=(2, 8))])
    assert verdict.outcome is Outcome.FAIL
    start = "57 of 1,204 requests failed (4.7 %) against 11 of 4,790 (0.23 %) on the primary"
    assert verdict.message.startswith(start)
    assert verdict.evidence is not None
    assert (verdict.evidence.canary_bad, verdict.evidence.primary_requests) == (57, 4790)
    assert verdict.evidence.strength >= verdict.evidence.needed == pytest.approx(100)


def test_what_would_have_changed_a_failure_is_true() -> None:
    (verdict,), _ = judged([window(0, canary=(1204, 57), primary=(4790, 11), pods=(2, 8))])
    fewer = int(verdict.message.rsplit("with ", 1)[1].split()[0])
    outcomes = [
        judged([window(0, canary=(1204, 57 - less), primary=(4790, 11), pods=(2, 8))])[0][0].outcome
        for less in (fewer - 1, fewer)
    ]
    assert outcomes == [Outcome.FAIL, Outcome.INCONCLUSIVE]


def test_evidence_adds_up_over_windows() -> None:
    verdicts, _ = judged([window(n, canary=(150, 2), primary=(2850, 6), pods=(1, 19)) for n in range(20)])
    outcomes = [each.outcome for each in verdicts]
    assert outcomes[0] is Outcome.INCONCLUSIVE
    assert Outcome.FAIL in outcomes


def test_as_many_failures_as_the_primary_pass_in_the_end() -> None:
    verdicts, _ = judged([window(n, canary=(20000, 40), primary=(20000, 40), pods=(5, 5)) for n in range(40)])
    outcomes = [each.outcome for each in verdicts]
    assert Outcome.FAIL not in outcomes
    assert outcomes[-1] is Outcome.PASS
    assert "not more than 25 % worse" in verdicts[-1].message


def test_an_open_comparison_says_how_many_requests_are_missing_and_is_right() -> None:
    def outcomes(windows: int) -> tuple[Outcome, float]:
        verdicts, _ = judged([window(n, canary=(5000, 10), primary=(5000, 10), pods=(5, 5)) for n in range(windows)])
        assert verdicts[0].evidence is not None
        return verdicts[-1].outcome, verdicts[0].evidence.missing or 0.0

    _, missing = outcomes(1)
    early, late = round(0.5 * missing / 5000), round(1.2 * missing / 5000) + 1
    assert (outcomes(early)[0], outcomes(late)[0]) == (Outcome.INCONCLUSIVE, Outcome.PASS)


def test_a_canary_without_failures_passes_where_the_primary_has_none_either() -> None:
    verdicts, _ = judged([window(n, canary=(1000, 0), primary=(9000, 0)) for n in range(30)])
    assert verdicts[0].outcome is Outcome.INCONCLUSIVE
    assert verdicts[-1].outcome is Outcome.PASS


def test_nothing_fails_below_the_floor() -> None:
    counts = [window(n, canary=(10000, 8), primary=(90000, 3)) for n in range(40)]
    below, _ = judged(counts)
    above, _ = judged(counts, CompareWithPrimary(ignore_below_percent=0.01))
    assert Outcome.FAIL not in [each.outcome for each in below]
    assert Outcome.FAIL in [each.outcome for each in above]


def test_twenty_percent_more_is_within_the_margin_and_fails_without_one() -> None:
    counts = [window(n, canary=(50000, 600), primary=(50000, 500), pods=(5, 5)) for n in range(40)]
    within, _ = judged(counts)
    without, _ = judged(counts, CompareWithPrimary(max_increase_percent=0))
    assert Outcome.FAIL not in [each.outcome for each in within]
    assert Outcome.FAIL in [each.outcome for each in without]


def test_a_smaller_budget_needs_stronger_evidence() -> None:
    counts = [window(0, canary=(1204, 14), primary=(4790, 11), pods=(2, 8))]
    (alone,), _ = judged(counts)
    (shared,), _ = judged(counts, CompareWithPrimary().part(1000))
    assert (alone.outcome, shared.outcome) == (Outcome.FAIL, Outcome.INCONCLUSIVE)


@pytest.mark.parametrize("failing", ["canary", "primary"])
def test_no_requests_to_a_role_say_nothing(failing: str) -> None:
    roles = {"canary": (100, 1), "primary": (100, 1)} | {failing: (0, 0)}
    (verdict,), memory = judged([window(0, **roles)])
    assert (verdict.outcome, memory.window) == (Outcome.INCONCLUSIVE, 0)
    assert f"no requests reached the {failing}" in verdict.message


def test_each_window_counts_once() -> None:
    counts = [window(n, canary=(150, 2), primary=(2850, 6)) for n in range(2)]
    _, memory = judged(counts)
    verdict, after = judge(counts[1], memory, SETTINGS)
    assert (verdict.outcome, after) == (Outcome.ERROR, memory)


def test_another_margin_starts_anew() -> None:
    _, memory = judged([window(0, canary=(150, 2), primary=(2850, 6))])
    other = CompareWithPrimary(max_increase_percent=50)
    counts = window(1, canary=(150, 2), primary=(2850, 6))
    _, after = judge(counts, memory, other)
    _, fresh = judge(counts, Memory(other.margin), other)
    assert after == fresh


def test_failures_of_a_canary_that_has_more_to_do_are_inconclusive() -> None:
    verdicts, _ = judged([window(n, canary=(1000, 60), primary=(1000, 2), pods=(1, 4)) for n in range(9)])
    assert {each.outcome for each in verdicts} == {Outcome.INCONCLUSIVE}
    assert "a canary pod gets 4.0 times the requests of a primary pod" in verdicts[0].message


def test_load_that_was_uneven_once_is_not_held_against_the_canary_later() -> None:
    uneven = [window(n, canary=(1000, 60), primary=(1000, 2), pods=(1, 4)) for n in range(9)]
    verdicts, _ = judged([*uneven, window(9, canary=(1000, 2), primary=(1000, 2), pods=(4, 4))])
    assert verdicts[-1].outcome is Outcome.INCONCLUSIVE


def test_less_to_do_does_not_show_that_a_canary_is_fine_but_never_excuses_failures() -> None:
    fine, _ = judged([window(n, canary=(1000, 0), primary=(9000, 90), pods=(1, 1)) for n in range(20)])
    bad, _ = judged([window(0, canary=(1000, 60), primary=(9000, 20), pods=(1, 1))])
    assert {each.outcome for each in fine} == {Outcome.INCONCLUSIVE}
    assert "a primary pod gets 9.0 times the requests of a canary pod" in fine[0].message
    assert bad[0].outcome is Outcome.FAIL


counts_of_a_role = st.tuples(st.integers(0, 5000), st.floats(0, 0.1)).map(lambda two: (two[0], round(two[0] * two[1])))


@given(st.lists(st.tuples(counts_of_a_role, counts_of_a_role, st.integers(1, 5)), min_size=1, max_size=8))
def test_going_on_from_the_text_after_any_window_changes_nothing(given_windows: list) -> None:
    counts = [
        window(n, canary=canary, primary=primary, pods=(pods, 4))
        for n, (canary, primary, pods) in enumerate(given_windows)
    ]
    undisturbed, last = judged(counts)
    memory, verdicts = Memory(SETTINGS.margin), []
    for each in counts:
        verdict, memory = judge(each, Memory.decode(memory.encode()), SETTINGS)
        verdicts.append(verdict)
    assert (verdicts, memory) == (undisturbed, last)


def test_the_memory_of_failures_is_short() -> None:
    _, memory = judged([window(n, canary=(15000, 50), primary=(150000, 300)) for n in range(40)])
    assert len(memory.encode()) < 250


@pytest.mark.parametrize("text", ["", "x", "AAAA", "!!!", Memory(1.25).encode()[:-8], Memory(1.25).encode() + "AAAA"])
def test_what_is_no_memory_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="memory"):
        Memory.decode(text)


def test_more_failures_never_weaken_the_evidence() -> None:
    def strength(bad: int) -> float:
        (verdict,), _ = judged([window(0, canary=(1000, bad), primary=(9000, 20))])
        assert verdict.evidence is not None
        return verdict.evidence.strength

    found = [strength(bad) for bad in range(3, 60)]
    assert found == sorted(found)


def test_settings_out_of_range_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"false_alarm_percent: given 0, allowed \(0, 50\]"):
        CompareWithPrimary(false_alarm_percent=0)
    assert replace(SETTINGS, share=0.5).alpha == pytest.approx(0.005)
