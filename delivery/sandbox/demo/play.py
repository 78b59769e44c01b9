"""Plays a story on a sandbox, shows it, and judges how it ended from the cluster's objects."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from delivery.cluster.clock import SystemClock
from delivery.cluster.objects import SERVICES, Ref
from delivery.sandbox.client import Client
from delivery.sandbox.demo.camera import Camera
from delivery.sandbox.demo.chronicle import Chronicle
from delivery.sandbox.demo.frame import Frame
from delivery.sandbox.demo.scene import NAME, NAMESPACE, PRIMARY, TARGET, Scene, StoryError, at_rest
from delivery.sandbox.demo.show import Show
from delivery.sandbox.demo.slack import Edition, Slack
from delivery.sandbox.demo.slack import complaints as complaints_of_slack
from delivery.sandbox.demo.stories import Act, Story
from delivery.sandbox.demo.summary import Ended, complaints, ended
from delivery.sandbox.demo.typing import Shell
from delivery.sandbox.example import folder
from delivery.sandbox.settings import Settings
from delivery.sandbox.stage import Sandbox, controller_environment
from delivery.sandbox.traffic import REQUESTS

PER_SECOND = 50
LAG = (0.1, 1.5)
"""Seconds until a proxy knows; the demo's Canary settles for 2."""
FRAME_SECONDS = 0.25
RUN_SECONDS = 100.0
"""How long a run may take: one that loses its Prometheus waits for the circuit breaker too."""
TOLD_SECONDS = 15.0
"""How long a message may take after what it is about."""
CONTROLLER = "progressive-delivery"
"""The controller's field manager."""


@dataclass(slots=True)
class Outcome:
    """How a story ended: its runs, what was not as promised, and the frame in which the last run was decided.

    `slack` are the messages that were sent about its runs.
    """

    runs: list[Ended] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    picture: Frame | None = None
    slack: list[list[Edition]] = field(default_factory=list)


def settings(prometheus: str) -> Settings:
    """The sandbox of the demo: nothing but the example, proxies that are late, the controller."""
    return Settings(prometheus=prometheus, bookinfo=False, lag=LAG, restart_controller=False)


async def play(story: Story, sandbox: Sandbox, show: Show, outcome: Outcome) -> None:
    """Tell a story to its end and note in `outcome` how it went. StoryError when what it waits for does not come."""
    began = time.monotonic()
    chronicle = Chronicle(sandbox.store, lambda: time.monotonic() - began, manager=CONTROLLER)
    camera = Camera(
        sandbox.store,
        sandbox.mesh,
        chronicle,
        clock=lambda: time.monotonic() - began,
        now=SystemClock().now,
        refresh=lambda: sandbox.mesh.advance(time.monotonic()),
    )
    keyboard = Shell(
        kubeconfig=sandbox.kubeconfig, environment=controller_environment(os.environ), typed=chronicle.typed
    )
    serving = Slack.serving(lambda: time.monotonic() - began)
    async with serving as slack, Client.connected(sandbox.url) as user, _filmed(camera, show):
        scene = Scene(sandbox.store, user, folder(), sandbox.prometheus, keyboard)
        await _set_up(scene, sandbox, camera, story, slack)
        for act in story.acts:
            await _act(act, scene, camera, outcome)
        if story.slack:
            await _told(slack, story.acts[-1].expected.result, outcome)
        show.show(camera.take())


@asynccontextmanager
async def _filmed(camera: Camera, show: Show) -> AsyncIterator[None]:
    """Frames are taken and shown while the block lasts."""

    async def film() -> None:
        while True:
            show.show(camera.take())
            await asyncio.sleep(FRAME_SECONDS)

    filming = asyncio.create_task(film(), name="film")
    try:
        yield
    finally:
        filming.cancel()
        await asyncio.wait([filming])


async def _set_up(scene: Scene, sandbox: Sandbox, camera: Camera, story: Story, slack: Slack) -> None:
    """Version 1 serves users; then it is put under a Canary."""
    camera.act = "reviews v1 is put under a Canary"
    await scene.apply("reviews.yaml")
    await _ready(sandbox)
    await scene.edit(Ref(SERVICES, NAMESPACE, NAME), {"metadata": {"annotations": {REQUESTS: str(PER_SECOND)}}})
    if story.slack:
        await scene.create(slack.secret(NAMESPACE))
        await scene.apply(story.slack)
    await scene.apply(story.canary)
    await scene.until(at_rest("Initialized"), what="the primary to serve users")


async def _told(slack: Slack, last: str, outcome: Outcome) -> None:
    """Wait for the end of the message: alerts have their own time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(TOLD_SECONDS):
            while complaints_of_slack(slack.of_runs(), last):
                slack.changed.clear()
                await slack.changed.wait()
    outcome.slack = slack.of_runs()
    outcome.complaints += complaints_of_slack(outcome.slack, last)


async def _act(act: Act, scene: Scene, camera: Camera, outcome: Outcome) -> None:
    """One release, from what begins it to the rest after it."""
    camera.act = act.title
    lost, before = camera.lost(), {past["id"] for past in scene.status.get("history") or ()}
    await (scene.release(act.patch) if act.patch else scene.keyboard.type(act.typed))
    try:
        async with asyncio.TaskGroup() as group:
            if act.meanwhile is not None:
                group.create_task(act.meanwhile(scene))
            group.create_task(_decided(scene, camera, outcome, before))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    await scene.until(at_rest("Succeeded", "Failed", "Initialized"), what="the end of the run")
    version = act.expected.version
    run = ended(scene.canary, version=version, lost=camera.lost() - lost, bad=camera.bad(version))
    outcome.complaints += complaints(run, act.expected, primary=scene.version(PRIMARY))
    outcome.runs += [run] if run is not None else []


async def _decided(scene: Scene, camera: Camera, outcome: Outcome, before: set[str]) -> None:
    def is_so(status: Mapping[str, Any]) -> bool:
        return any(past["id"] not in before for past in status.get("history") or ())

    await scene.until(is_so, what="the run to end", seconds=RUN_SECONDS)
    await asyncio.sleep(2 * FRAME_SECONDS)  # what was decided is written and told by then
    outcome.picture = camera.take()


async def _ready(sandbox: Sandbox, *, seconds: float = 20.0) -> None:
    """Wait until the target's pods are ready and every proxy has heard of them."""

    def known() -> bool:
        status = (sandbox.store.peek(TARGET) or {}).get("status") or {}
        return status.get("availableReplicas", 0) > 0 and sandbox.mesh.next_change() is None

    until = time.monotonic() + seconds
    while not known():
        if time.monotonic() > until:
            raise StoryError(f"waited {seconds:.0f} s for the pods of the first version to be ready")
        await asyncio.sleep(FRAME_SECONDS)
        sandbox.mesh.advance(time.monotonic())
