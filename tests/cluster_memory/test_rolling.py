"""The arithmetic of a rolling update, for every size and setting."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.cluster.memory.rolling import Bounds, SetState, next_sizes


@pytest.mark.parametrize(
    ("replicas", "rolling", "bounds"),
    [
        (4, {}, (1, 1)),
        (1, {}, (1, 0)),
        (3, {}, (1, 0)),
        (10, {}, (3, 2)),
        (10, {"maxSurge": "0%", "maxUnavailable": "1%"}, (0, 1)),  # one of them must be above 0
        (10, {"maxSurge": 2, "maxUnavailable": 0}, (2, 0)),
        (0, {}, (0, 1)),
    ],
)
def test_percentages_round_surge_up_and_unavailable_down(replicas, rolling, bounds):
    found = Bounds.of({"replicas": replicas, "strategy": {"rollingUpdate": rolling}})
    assert (found.surge, found.unavailable) == bounds


AMOUNTS = st.integers(0, 5) | st.integers(0, 100).map(lambda percent: f"{percent}%")


@st.composite
def rolls(draw):
    replicas = draw(st.integers(0, 12))
    spec = {"replicas": replicas, "strategy": {"rollingUpdate": {
        "maxSurge": draw(AMOUNTS), "maxUnavailable": draw(AMOUNTS)}}}  # fmt: skip
    olds = draw(st.lists(st.integers(0, 8), max_size=3))
    broken = draw(st.sets(st.integers(0, 2)))
    return spec, olds, broken, draw(st.randoms(use_true_random=False))


@settings(max_examples=100, deadline=None)
@given(rolls())
def test_a_roll_keeps_its_bounds_and_ends(case):
    """Whatever becomes ready when: never too many pods wanted, never too few available because of the roll."""
    spec, olds, broken, rng = case
    replicas, bounds = spec["replicas"], Bounds.of(spec)
    sizes = {"new": 0, **{f"old{n}": size for n, size in enumerate(olds)}}
    ready = {name: 0 if name != "new" and int(name[3:]) in broken else size for name, size in sizes.items()}
    for _ in range(400):
        states = {name: SetState(name, sizes[name], ready[name], sizes[name]) for name in sizes}
        before = sum(ready.values())
        changes = next_sizes(spec, states["new"], [states[name] for name in sizes if name != "new"])
        sizes |= changes
        ready = {name: min(ready[name], sizes[name]) for name in sizes}
        assert sum(ready.values()) >= min(before, replicas - bounds.unavailable)
        grown = [name for name in changes if changes[name] > states[name].replicas]
        assert grown in ([], ["new"])
        if grown:
            assert sum(sizes.values()) <= replicas + bounds.surge
        if ready["new"] < sizes["new"] and rng.random() < 0.5:
            ready["new"] += 1
    assert sizes == {"new": replicas, **{name: 0 for name in sizes if name != "new"}}


def test_recreate_waits_for_the_last_old_pod():
    spec = {"replicas": 3, "strategy": {"type": "Recreate"}}
    new = SetState("new", 0, 0, 0)
    assert next_sizes(spec, new, [SetState("old", 3, 3, 3)]) == {"old": 0}
    assert next_sizes(spec, new, [SetState("old", 0, 0, 1)]) == {}
    assert next_sizes(spec, new, [SetState("old", 0, 0, 0)]) == {"new": 3}
