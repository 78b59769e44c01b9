"""The whole of a look back: find the episodes, fetch what is missing, replay."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from delivery.judge.asked import Asked
from delivery.judge.fetching import AT_ONCE, TIMEOUT, Fetcher, LookBackError, Progress
from delivery.judge.kept import Kept
from delivery.judge.replay import Story, replay
from metrics.providers import Providers
from metrics.providers.base import RawProvider

__all__ = ["LookBackError", "look_back"]


def look_back(server: str, asked: Asked, resume: Path | None, progress: Progress) -> list[Story]:
    """What the judge says of all episodes, in the order of time. Raises LookBackError and KeptError."""
    providers = Providers(threads=AT_ONCE)
    try:
        provider = _raw(providers.provider_for, server)
        with Kept(resume, asked) as kept:
            return asyncio.run(_looked(provider, asked, kept, progress))
    finally:
        providers.close()


def _raw(provider_for: Callable[[str], object], server: str) -> RawProvider:
    try:
        provider = provider_for(server)
    except ValueError as error:
        raise LookBackError(str(error)) from error
    if not isinstance(provider, RawProvider):
        raise LookBackError(f"{server} keeps no samples that could be counted; a Prometheus is needed")
    return provider


async def _looked(provider: RawProvider, asked: Asked, kept: Kept, progress: Progress) -> list[Story]:
    fetcher = Fetcher(provider, asked, timeout=TIMEOUT)
    found = await fetcher.episodes()
    await fetcher.counts(found, kept, progress)
    return [replay(asked, episode, kept) for episode in found]
