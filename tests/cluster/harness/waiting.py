"""Waiting for something to be so, with a limit, and telling what was there instead when it never was.

Objects are waited for on a watch (`until`, `until_gone`); what cannot be watched (an answer of Prometheus, the output
of a program) is asked again in short turns (`eventually`).
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

from delivery.cluster.errors import Expired, Gone, Unavailable
from delivery.cluster.objects import Object, Ref
from delivery.cluster.protocols import Api

SECONDS = 30.0
TURN_SECONDS = 0.1


async def pause(seconds: float) -> None:
    """Let other things happen for a moment, between two looks at something that cannot be watched."""
    try:
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
    except TimeoutError:
        return


async def until(
    api: Api, ref: Ref, is_so: Callable[[Object], object], *, seconds: float = SECONDS, what: str = ""
) -> Object:
    """The object, as soon as it exists and `is_so(object)` is true. AssertionError after `seconds`."""
    last: Object | None = None
    with contextlib.suppress(TimeoutError):  # told below, with what was seen last
        async with asyncio.timeout(seconds):
            async for last in states(api, ref):
                if last is not None and _holds(is_so, last):
                    return last
    raise AssertionError(f"{ref} is not {what or 'as wanted'} after {seconds:g} s: {_shown(last)}")


async def until_gone(api: Api, ref: Ref, *, seconds: float = SECONDS) -> None:
    """Returns as soon as there is no such object. AssertionError after `seconds`."""
    last: Object | None = None
    with contextlib.suppress(TimeoutError):  # told below, with what was seen last
        async with asyncio.timeout(seconds):
            async for last in states(api, ref):
                if last is None:
                    return
    raise AssertionError(f"{ref} is still there after {seconds:g} s: {_shown(last)}")


async def states(api: Api, ref: Ref) -> AsyncIterator[Object | None]:
    """Every state of an object from now on, None while there is none. Never ends."""
    while True:
        try:
            listing = await api.list(ref.kind, ref.namespace or None)
            named = [item for item in listing.items if item["metadata"]["name"] == ref.name]
            yield named[0] if named else None
            events = api.watch(ref.kind, ref.namespace or None, resource_version=listing.resource_version)
            async with aclosing(events) as stream:  # type: ignore[type-var]
                async for event in stream:
                    if event.type != "BOOKMARK" and event.object["metadata"]["name"] == ref.name:
                        yield None if event.type == "DELETED" else event.object
        except (Expired, Unavailable, Gone):  # Gone: the kind is not served yet
            await pause(TURN_SECONDS)


async def eventually(
    look: Callable[[], Awaitable[object]], *, seconds: float = SECONDS, what: str = "what was waited for"
) -> object:
    """The first answer of `look()` that is true.

    A failed assertion or lookup in it counts as not yet, and is shown when it stays so.
    """
    last: object = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    last = await look()
                except (AssertionError, LookupError) as failure:
                    last = failure
                else:
                    if last:
                        return last
                await pause(TURN_SECONDS)
    except TimeoutError:
        raise AssertionError(f"{what}: not after {seconds:g} s; last: {last!r}") from None


def condition(body: Object, sort: str) -> str:
    """The status of a condition of an object: "True", "False", "Unknown" or, if it has none, ""."""
    conditions = body.get("status", {}).get("conditions", ())
    return next((str(one["status"]) for one in conditions if one["type"] == sort), "")


def _holds(is_so: Callable[[Object], object], body: Object) -> bool:
    """A field that is not there yet means that it is not so yet."""
    try:
        return bool(is_so(body))
    except (KeyError, IndexError, TypeError):
        return False


def _shown(body: Object | None) -> str:
    if body is None:
        return "there is no such object"
    meta = {**body["metadata"], "managedFields": None}
    return json.dumps({**body, "metadata": meta}, indent=1, default=str)[:6000]
