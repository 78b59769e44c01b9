"""Findings for a terminal: one line an episode, then each in sentences; no wider than the terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from delivery.judge.asked import Asked
from delivery.judge.replay import Story
from delivery.judge.report import words

HEADS = ("BEGAN", "LASTED", "PEAK", "REQUESTS", "CANARY", "PRIMARY", "VERDICT")


def table(asked: Asked, stories: Sequence[Story], *, width: int = 80) -> str:
    """The report. `width` is the terminal's, at least 60 columns are used."""
    return "\n".join(_lines(asked, stories, max(60, width)))


def _lines(asked: Asked, stories: Sequence[Story], width: int) -> Iterator[str]:
    span = f"{words.moment(asked.begin)} to {words.moment(asked.end)}"
    if not stories:
        yield from textwrap.wrap(
            f"{asked.canary} and {asked.primary} never had requests at the same time in namespace {asked.namespace} "
            f"from {span}. Are these the names of the workloads (Deployments), and does Prometheus go back that far?",
            width,
        )
        return
    rows = [HEADS, *(_row(each) for each in stories)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    for row in rows:
        yield "  ".join(cell.ljust(each) for cell, each in zip(row, widths, strict=True)).rstrip()
    for each in stories:
        yield ""
        head = f"{words.moment(each.episode.begin)}: {words.headline(asked, each)}"
        for text in (head, *words.details(asked, each)):
            yield from textwrap.wrap(text, width, subsequent_indent="  ", initial_indent="" if text is head else "  ")


def _row(story: Story) -> tuple[str, ...]:
    canary, primary = story.total("canary"), story.total("primary")
    return (
        f"{story.episode.begin:%m-%d %H:%M}",
        words.length((story.episode.end - story.episode.begin).total_seconds()),
        f"{story.peak_share:.0f} %",
        f"{canary[0]:,.0f}",
        words.share(*canary),
        words.share(*primary),
        words.verdict(story),
    )
