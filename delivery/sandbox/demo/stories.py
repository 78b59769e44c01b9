"""The stories that the demo can tell. Each says how its runs have to end, and is believed by nobody before they do."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from delivery.sandbox.demo.scene import CANARY, Scene, StoryError, at_weight, because, held
from delivery.sandbox.demo.summary import Expected

AWAY_SECONDS = 8.0
HELD_SECONDS = 6.0
FROZEN_SECONDS = 8.0
"""Longer than a window and its settling, after which the weight would rise."""
CONTROLLER_HOME = "--controller-namespace default"
"""The namespace of the sandbox's controller, where a freeze is for all Canaries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One release: what begins it, a patch of the Deployment or else a command line, and how its run has to end.

    `meanwhile` happens while it runs.
    """

    title: str
    patch: str = ""
    typed: str = ""
    expected: Expected
    meanwhile: Callable[[Scene], Coroutine[Any, Any, None]] | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """Releases, one after the other, of a service that begins with version v1; `canary` is the file of its Canary.

    `slack` is the file of the AlertProvider that it names, if it does.
    """

    about: str
    acts: tuple[Act, ...]
    canary: str = "demo/canary.yaml"
    slack: str = ""


async def _prometheus_goes_away(scene: Scene) -> None:
    await scene.until(at_weight(20), what="the first step")
    await scene.prometheus.down()
    await scene.until(_unmeasured, what="a window that could not be measured")
    await asyncio.sleep(AWAY_SECONDS)
    await scene.prometheus.up()


def _unmeasured(status: Mapping[str, object]) -> bool:
    checks = status.get("checks")
    return isinstance(checks, list) and any(check["outcome"] == "error" for check in checks)


async def _somebody_takes_users_off_the_canary(scene: Scene) -> None:
    await scene.until(at_weight(20), what="the first step")
    await scene.route_by_hand(5)
    await scene.until(because("ManualOverride"), what="the hand edit to be noticed")
    await asyncio.sleep(HELD_SECONDS)
    await scene.edit(CANARY, {"spec": {"paused": True}})
    await scene.until(lambda status: (status.get("run") or {}).get("overridePaused"), what="the pause to be noticed")
    await scene.edit(CANARY, {"spec": {"paused": None}})


async def _somebody_aborts(scene: Scene) -> None:
    await scene.until(at_weight(20), what="the first step")
    await scene.keyboard.type("delivery abort reviews -n bookinfo --reason 'checkout looks odd'")


async def _somebody_signs_off(scene: Scene) -> None:
    await scene.until(held("GateClosed"), what="the release to wait for its sign-off")
    await asyncio.sleep(HELD_SECONDS)
    if scene.version() != "v1":
        raise StoryError("the primary was given the new version before anybody had signed off")
    await scene.keyboard.type("delivery approve reviews -n bookinfo --gate sign-off --reason 'numbers are fine'")


async def _everything_is_frozen_for_a_while(scene: Scene) -> None:
    await scene.until(at_weight(20), what="the first step")
    await scene.keyboard.type(f"delivery freeze --until 2h --reason 'the big days' {CONTROLLER_HOME}")
    await scene.until(held("Frozen"), what="the freeze to be noticed")
    weight = scene.status["canaryWeight"]
    await asyncio.sleep(FROZEN_SECONDS)
    if scene.status["canaryWeight"] != weight or scene.version() != "v1":
        raise StoryError(f"the release went on in a freeze: {weight} % became {scene.status['canaryWeight']} %")
    await scene.keyboard.type(f"delivery unfreeze {CONTROLLER_HOME}")


async def _the_way_back_is_hurried(scene: Scene) -> None:
    await scene.until(at_weight(20), what="the first step")
    await scene.keyboard.type("delivery promote reviews -n bookinfo --full --reason 'v1 is known to work'")


GOOD = Act(
    title="Release reviews v2, which works",
    patch="demo/v2.yaml",
    expected=Expected(version="v2", result="Promoted", primary="v2"),
)


def _bad(title: str, patch: str, *, primary: str = "v1") -> Act:
    return Act(title=title, patch=patch, expected=Expected(version="v3", result="RolledBack", primary=primary))


def _with(title: str, meanwhile: Callable[[Scene], Coroutine[Any, Any, None]]) -> Act:
    return Act(title=title, patch=GOOD.patch, expected=GOOD.expected, meanwhile=meanwhile)


DEFAULT = "promote-and-roll-back"
STORIES: Mapping[str, Story] = MappingProxyType(
    {
        DEFAULT: Story(
            "a good version is promoted, then one that answers with errors is rolled back",
            (GOOD, _bad("Release reviews v3, which fails 8 % of its requests", "demo/v3-errors.yaml", primary="v2")),
        ),
        "slow-canary": Story(
            "a version that answers too slowly is rolled back",
            (_bad("Release reviews v3, which is slow", "demo/v3-slow.yaml"),),
        ),
        "broken-image": Story(
            "a version whose image cannot be pulled is rolled back before it gets a single request",
            (_bad("Release reviews v3, whose image is nowhere", "demo/v3-no-image.yaml"),),
        ),
        "prometheus-down": Story(
            "Prometheus goes away in the middle of a run: the weight is held, and the run goes on when it is back",
            (_with("Release reviews v2, and lose Prometheus on the way", _prometheus_goes_away),),
        ),
        "hand-edit": Story(
            "somebody takes users off the canary by hand: that is honoured until they say that it may go on",
            (_with("Release reviews v2, and edit its route by hand", _somebody_takes_users_off_the_canary),),
        ),
        "approval": Story(
            "the release waits for sign-off, a person approves from the terminal, promotion follows, "
            "one Slack message shows it all",
            (_with("Release reviews v2, which somebody has to sign off", _somebody_signs_off),),
            canary="demo/canary-approval.yaml",
            slack="demo/slack.yaml",
        ),
        "abort": Story(
            "a person aborts the release of a version that no check objects to: users are back at once",
            (
                Act(
                    title="Release reviews v2, and abort it",
                    patch=GOOD.patch,
                    expected=Expected(version="v2", result="RolledBack", primary="v1", reason="Aborted"),
                    meanwhile=_somebody_aborts,
                ),
            ),
        ),
        "undo": Story(
            "a version is promoted, a person wants the one before it back, and hurries its analysis",
            (
                GOOD,
                Act(
                    title="Undo it: reviews v1 goes out again",
                    typed="delivery undo reviews -n bookinfo",
                    expected=Expected(version="v1", result="Promoted", primary="v1"),
                    meanwhile=_the_way_back_is_hurried,
                ),
            ),
        ),
        "freeze": Story(
            "a freeze of all rollouts holds a release at its weight, and it goes on when the freeze is lifted",
            (_with("Release reviews v2, and freeze all rollouts on the way", _everything_is_frozen_for_a_while),),
        ),
    }
)
