"""Stories that mostly wait are told at the same time: all of a file begin with the first, each is its own test.

    @together
    async def test_promoted(stage: Stage) -> None: ...

They are told before one controller for all namespaces, by the fixture `telling` (module scope) of this folder. A file
whose stories need another beginning has one of its own, which answers `begin(request, opened)`, where `opened()` makes
the Stage of one story, as an asynchronous context.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.cluster.harness.stage import Stage

Story = Callable[[Stage], Awaitable[None]]
Stages = Callable[[], AbstractAsyncContextManager[Stage]]
Told = dict[str, "asyncio.Task[None]"]
STORY = "story"


def together(story: Story) -> Callable[..., Awaitable[None]]:
    """A story as a test that waits for its end."""

    async def test(telling: Told) -> None:
        await telling[story.__name__]

    test.__name__, test.__doc__, test.__module__ = story.__name__, story.__doc__, story.__module__
    setattr(test, STORY, story)
    return pytest.mark.asyncio(loop_scope="module")(test)


@asynccontextmanager
async def begin(request: pytest.FixtureRequest, opened: Stages) -> AsyncIterator[Told]:
    """Begin the stories of the file that were selected; what is still told at the end is cancelled."""
    file = request.path
    chosen = [item for item in request.session.items if item.path == file]
    stories: list[Story] = [
        getattr(function, STORY) for item in chosen if hasattr(function := getattr(item, "function", None), STORY)
    ]
    tasks = {story.__name__: asyncio.create_task(_tell(story, opened)) for story in stories}
    try:
        yield tasks
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _tell(story: Story, opened: Stages) -> None:
    async with opened() as stage:
        await story(stage)
