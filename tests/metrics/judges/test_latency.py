"""The comparison of latencies: the same at every edge that both roles have, and nothing finer than a bucket."""

from dataclasses import replace

import pytest

from metrics.judges.comparison import compare
from metrics.judges.memory import MOST_EDGES, Memory
from metrics.judges.sentences import primary_too
from metrics.judges.sequential import judge
from metrics.verdict import Evidence, Outcome
from tests.metrics.judges.windows import SETTINGS, judged, window

EDGES = (100.0, 250.0, 500.0)
FINE = (9000, 3600, 450, 90)  # requests, and those that passed each edge


def test_a_slow_tail_fails_and_names_its_edge_and_both_shares() -> None:
    (verdict,), _ = judged([window(0, canary=(1000, 400, 52, 48), primary=FINE, edges=EDGES)])
    assert verdict.outcome is Outcome.FAIL
    wanted = "48 of 1,000 requests took longer than 500 ms (4.8 %) against 90 of 9,000 (1 %) on the primary"
    assert verdict.message.startswith(wanted)
    assert "slow requests fewer" in verdict.message
    assert verdict.evidence is not None
    assert verdict.evidence.edge == 500


def test_a_release_that_is_slower_by_a_bucket_fails_at_the_edge_that_tells_most() -> None:
    (verdict,), _ = judged([window(0, canary=(1000, 500, 200, 11), primary=FINE, edges=EDGES)])
    assert verdict.evidence is not None
    assert (verdict.outcome, verdict.evidence.edge) == (Outcome.FAIL, 250)


def test_the_same_latencies_pass_in_the_end() -> None:
    verdicts, _ = judged(
        [window(n, canary=(9000, 3600, 450, 90), primary=FINE, pods=(5, 5), edges=EDGES) for n in range(40)]
    )
    assert Outcome.FAIL not in [each.outcome for each in verdicts]
    assert verdicts[-1].outcome is Outcome.PASS


def test_an_edge_that_nearly_all_requests_pass_does_not_stand_in_the_way() -> None:
    primary = (9000, 8900, 450, 90)
    counts = [window(n, canary=primary, primary=primary, pods=(5, 5), edges=EDGES) for n in range(40)]
    verdicts, _ = judged(counts)
    assert verdicts[-1].outcome is Outcome.PASS


def test_slowness_of_a_canary_with_less_to_do_is_inconclusive() -> None:
    counts = [window(n, canary=(1000, 400, 52, 48), primary=FINE, pods=(1, 1), edges=EDGES) for n in range(3)]
    verdicts, memory = judged(counts)
    assert {each.outcome for each in verdicts} == {Outcome.INCONCLUSIVE}
    assert "a primary pod gets 9.0 times the requests of a canary pod" in verdicts[0].message
    assert (memory.window, memory.tracks) == (2, ())


def test_an_edge_that_is_missing_for_a_window_keeps_what_it_knew() -> None:
    _, memory = judged([window(0, canary=(1000, 400, 52, 10), primary=FINE, edges=EDGES)])
    without = window(1, canary=(1000, 400, 10), primary=(9000, 3600, 90), edges=(100.0, 500.0))
    _, after = judge(without, memory, SETTINGS)
    assert [track.edge for track in after.tracks] == list(EDGES)
    assert after.tracks[1] == memory.tracks[1]
    assert after.tracks[2].primary_bad == 2 * memory.tracks[2].primary_bad


def test_of_many_edges_those_that_tell_about_the_tail_are_followed() -> None:
    edges = tuple(float(2**n) for n in range(20))
    passed = tuple(10000 / 2**n for n in range(20))
    _, memory = judged([window(0, canary=(10000, *passed), primary=(10000, *passed), pods=(5, 5), edges=edges)])
    assert [track.edge for track in memory.tracks] == list(edges[:MOST_EDGES])
    assert len(memory.encode()) < 1250


@pytest.mark.parametrize("stopped", range(6))
def test_a_judge_that_is_stopped_says_the_same(stopped: int) -> None:
    edges = (0.3, *EDGES)
    counts = [
        window(n, canary=(1000, 990, 400, 50 + n, 12 + n), primary=(9000, 8900, *FINE[1:]), edges=edges)
        for n in range(6)
    ]
    undisturbed, _ = judged(counts)
    memory, texts = "", []
    for each in counts:
        verdict = compare(each, memory, SETTINGS)
        if each.number == stopped:  # died before the verdict was recorded: asked again, it is the same
            assert compare(each, memory, SETTINGS) == verdict
        memory = verdict.memory
        texts.append(verdict._replace(memory=""))
    assert texts == undisturbed


def test_a_memory_of_another_version_begins_anew_and_says_so() -> None:
    counts = window(3, canary=(1000, 2), primary=(9000, 20))
    fresh = compare(counts, "", SETTINGS)
    verdict = compare(counts, "BwAA", SETTINGS)
    assert verdict.memory == fresh.memory
    assert Memory.decode(verdict.memory).window == 3
    assert "begun anew" in verdict.message


def test_a_breach_of_both_roles_is_no_fault_of_the_release() -> None:
    both = Evidence(canary_requests=1000, canary_bad=60, primary_requests=9000, primary_bad=500)
    assert primary_too(both) == (
        "the primary is as bad: 60 of 1,000 requests failed (6 %) against 500 of 9,000 (5.6 %) on the primary, "
        "so the cause is probably not this release"
    )
    assert primary_too(replace(both, primary_bad=20)) == ""
    assert primary_too(replace(both, primary_requests=None)) == ""
