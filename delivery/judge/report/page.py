"""Findings as one page to hand on: it holds all that it shows, runs nothing, and reads in light and dark."""

from collections.abc import Iterator, Sequence
from html import escape

from delivery.judge.asked import Asked
from delivery.judge.replay import Story, share_of
from delivery.judge.report import words
from delivery.judge.report.plots import Line, Panel, draw
from metrics.judges.counts import RoleCounts
from metrics.raw_queries import What
from metrics.verdict import Verdict

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --dim: #67707f; --grid: #dfe3ea; --paper: #fff; --canary: #c2570c;
  --primary: #1f6fb2; --bad: #b3261e; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --dim: #9aa4b2; --grid: #333b47; --paper: #14181f;
  --canary: #f0883e; --primary: #6cb6ff; --bad: #ff7b72; --good: #56d364; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 760px;
  margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin: 2em 0 .2em; }
p { margin: .3em 0; } .dim { color: var(--dim); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25em .8em .25em 0; border-bottom: 1px solid var(--grid); }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); font-weight: 600; }
svg { width: 100%; height: auto; display: block; margin: .6em 0; }
svg text { font: 11px system-ui, sans-serif; fill: var(--dim); } svg .title { fill: var(--ink); font-weight: 600; }
.end { text-anchor: end; } .middle { text-anchor: middle; }
.grid { stroke: var(--grid); } .limit { stroke: var(--bad); stroke-dasharray: 5 4; }
.mark { stroke: var(--bad); stroke-width: 1.5; } .after { fill: var(--bad); opacity: .07; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; }
.line.canary { stroke: var(--canary); } .line.primary { stroke: var(--primary); }
.line.errors { stroke: var(--canary); } .line.latency { stroke: var(--primary); }
svg .key.canary, svg .key.errors { fill: var(--canary); } svg .key.primary, svg .key.latency { fill: var(--primary); }
"""


def page(asked: Asked, stories: Sequence[Story]) -> str:
    """The whole HTML document."""
    return "".join(f"{part}\n" for part in _parts(asked, stories))


def _parts(asked: Asked, stories: Sequence[Story]) -> Iterator[str]:
    title = escape(f"{asked.canary} against {asked.primary} in {asked.namespace}")
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title><style>{STYLE}</style></head><body>"
    yield f"<h1>{title}</h1>"
    yield f'<p class="dim">{words.moment(asked.begin)} to {words.moment(asked.end)}; {_settings(asked)}</p>'
    if not stories:
        yield "<p>The two never had requests at the same time.</p>"
    else:
        yield from _overview(stories)
    for number, story in enumerate(stories):
        yield from _story(asked, story, number)
    yield "</body></html>"


def _settings(asked: Asked) -> str:
    settings = asked.settings
    return (
        f"at most {settings.max_increase_percent:g} % worse allowed, false alarms in at most "
        f"{settings.false_alarm_percent:g} % of releases, nothing below {settings.ignore_below_percent:g} % counts"
    )


def _overview(stories: Sequence[Story]) -> Iterator[str]:
    heads = ("began", "lasted", "peak share", "canary requests", "failed", "primary failed", "verdict")
    yield f"<table><tr>{''.join(f'<th>{each}</th>' for each in heads)}</tr>"
    for number, story in enumerate(stories):
        canary, primary = story.total("canary"), story.total("primary")
        cells = (
            f'<a href="#e{number}">{words.moment(story.episode.begin)}</a>',
            words.length((story.episode.end - story.episode.begin).total_seconds()),
            f"{story.peak_share:.0f} %",
            f"{canary[0]:,.0f}",
            words.share(*canary),
            words.share(*primary),
            _verdict(story),
        )
        yield f"<tr>{''.join(f'<td>{each}</td>' for each in cells)}</tr>"
    yield "</table>"


def _verdict(story: Story) -> str:
    word = words.verdict(story)
    return f'<span class="{ {"rolled back": "bad", "shown fine": "good"}.get(word, "dim") }">{word}</span>'


def _story(asked: Asked, story: Story, number: int) -> Iterator[str]:
    yield f'<h2 id="e{number}">{words.moment(story.episode.begin)}</h2>'
    yield f"<p><b>{escape(words.headline(asked, story))}</b></p>"
    for each in words.details(asked, story):
        yield f"<p>{escape(each)}</p>"
    yield from map(draw, panels(asked, story))


def panels(asked: Asked, story: Story) -> Iterator[Panel]:
    """The plots of an episode: the canary's share, who failed, and how strong the evidence became."""
    times = [each.end for each in story.windows]
    mark = story.rollback.at if story.rollback is not None else None
    shares = [share_of(each.requests) for each in story.windows]
    yield Panel(title="Requests to the canary", unit=" %", times=times, lines=[Line("canary", shares)], mark=mark)
    if What.REQUESTS in asked.kinds:
        counts = [each.counts[What.REQUESTS] for each in story.windows]
        lines = [
            Line("primary", [_failed(each.primary) for each in counts]),
            Line("canary", [_failed(each.canary) for each in counts]),
        ]
        yield Panel(title="Failed requests", unit=" %", times=times, lines=lines, mark=mark)
    strengths = [
        Line(words.NAMES[what], [_strength(each.verdicts[what]) for each in story.windows]) for what in asked.kinds
    ]
    limit = 1.0 / asked.settings.part(len(asked.kinds)).alpha
    title = "Times more likely if worse than allowed (dashed: rolls back)"
    yield Panel(title=title, unit="", times=times, lines=strengths, limit=limit, mark=mark, logarithmic=True)


def _failed(role: RoleCounts) -> float | None:
    return 100.0 * role.bad[0] / role.requests if role.requests > 0 else None


def _strength(verdict: Verdict) -> float | None:
    return verdict.evidence.strength if verdict.evidence is not None else None
