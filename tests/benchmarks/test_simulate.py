"""The benchmark of simulated rollouts measures what it says: rollouts of 40 windows."""

import pytest

from benchmarks.simulate import CASES, measure


@pytest.mark.parametrize("case", [name for name in CASES if name.startswith("40 windows")])
def test_a_rollout_of_a_case_has_40_windows(case: str) -> None:
    row = measure(case, CASES[case], rollouts=2)

    assert row["windows_per_rollout"] == 40
    assert row["rollouts_per_second"] > 0
