"""Anything may happen at any moment, in any order; what was promised holds after every decision.

Each story is told by a seed: the same seed tells the same story, and a failing one prints it.
"""

import pytest

from strategies.status import THEIRS, Phase, Result, Stage
from tests.strategies.told import Story

SEEDS = 80
EVENTS = 60
AT_REST = (Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED, Phase.WAITING)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_in_whatever_order(seed):
    story = Story(seed)
    try:
        for _ in range(EVENTS):
            story.tell(story.happening())
        story.all_well()
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error!r}\n" + "\n".join(story.lines[-12:])) from error

    world, status = story.world, story.world.status
    story.decide()
    if world.deleting:
        assert (status.phase, status.stage, world.finalizer) == (Phase.TERMINATING, Stage.NONE, False)
        return
    assert status.phase in AT_REST
    assert (status.stage, status.run, world.live, world.finalizer) == (Stage.NONE, None, 0, False)
    assert world.primary.ready == world.primary.replicas >= 1
    assert world.primary.revision == status.last_promoted_spec
    if status.phase is not Phase.FAILED:
        assert world.target.revision == status.last_promoted_spec
    assert world.target.replicas == 0


def test_the_stories_reach_every_phase_and_every_end():
    phases: set[Phase] = set()
    ends: set[Result] = set()
    for seed in range(40):
        story = Story(seed)
        for _ in range(EVENTS):
            story.tell(story.happening())
        phases |= {status.phase for status in story.world.journal}
        ends |= {past.result for status in story.world.journal for past in status.history}

    assert phases >= set(Phase) - {Phase.NONE, Phase.OBSERVING, Phase.WAITING_PROMOTION}  # the last one is too rare
    assert ends == set(Result) - set(THEIRS)


def test_a_story_can_be_told_again():
    def told(seed: int) -> list[str]:
        story = Story(seed)
        for _ in range(20):
            story.tell(story.happening())
        return story.lines

    assert told(7) == told(7)
