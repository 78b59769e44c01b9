"""The reports as one picture: for each release when rollouts ended, how many requests were hit, and one typical run.

Plain SVG that needs no script, font or file from elsewhere, with colours for light and dark surroundings. What a colour
says is said by a word, a place or a shape too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from delivery.simulate.bounds import quantile
from delivery.simulate.checks import Finding
from delivery.simulate.report import RESULTS, Report
from delivery.simulate.table import duration

WIDTH, ROW, TOP, PANEL, GAP, LEFT, HEIGHT = 1000, 190, 64, 280, 50, 40, 96
BINS = 36
STYLE = """
.ground{fill:#ffffff}.ink{fill:#1f2328}.soft{fill:#59636e}.axis{stroke:#8b949e;stroke-width:1;fill:none}
.rolled_back{fill:#c2410c}.promoted{fill:#1a7f5a}.undecided{fill:#6e7781}.hit{fill:#2563a8}
.line{fill:none;stroke:#2563a8;stroke-width:2}.fail{stroke:#c2410c;stroke-width:2}.unsure{fill:none;stroke:#6e7781}
.pass{fill:#1a7f5a}.median{stroke:#1f2328;stroke-width:1;stroke-dasharray:3 3}
text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
.title{font-size:16px;font-weight:600}.name{font-size:13px;font-weight:600}.small{font-size:11px}
@media (prefers-color-scheme:dark){
.ground{fill:#0d1117}.ink{fill:#e6edf3}.soft{fill:#9198a1}.axis{stroke:#656c76}
.rolled_back{fill:#f0803c}.promoted{fill:#3fb68b}.undecided{fill:#9198a1}.hit{fill:#6cb0f5}
.line{stroke:#6cb0f5}.fail{stroke:#f0803c}.unsure{stroke:#9198a1}.pass{fill:#3fb68b}.median{stroke:#e6edf3}}
"""
WORDS = {"rolled_back": "rolled back", "promoted": "promoted", "undecided": "undecided"}


def picture(reports: Sequence[Report], findings: Sequence[Finding] = (), *, seed: int) -> str:
    """The picture as an SVG document."""
    height = TOP + ROW * len(reports) + 30
    names = list(dict.fromkeys(each.release for each in reports))
    ordered = sorted(reports, key=lambda each: names.index(each.release))  # policies of one release below each other
    rows = "".join(_row(each, _scale(each, reports), TOP + ROW * index) for index, each in enumerate(ordered))
    runs = len(reports[0].outcomes) if reports else 0
    unmet = sum(not each.met for each in findings)
    checks = f", {len(findings) - unmet} of {len(findings)} checks met" if findings else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img"><title>Simulated rollouts</title><style>{STYLE}</style>'
        f'<rect class="ground" width="{WIDTH}" height="{height}"/>'
        f"{_text(LEFT, 28, 'Simulated rollouts', 'ink title')}"
        f"{_text(LEFT, 48, f'{runs} of each release, seed {seed}{checks}', 'soft')}"
        f"{_legend()}{rows}</svg>\n"
    )


def _legend() -> str:
    parts, x = [], 560
    for name in RESULTS:
        parts.append(f'<rect class="{name}" x="{x}" y="19" width="10" height="10"/>')
        parts.append(_text(x + 15, 28, WORDS[name], "soft"))
        x += 120
    marks = '<circle class="pass" cx="565" cy="44" r="3"/>' + _cross(685, 44) + _ring(805, 44)
    words = _text(575, 48, "window passed", "soft") + _text(695, 48, "failed", "soft")
    return "".join(parts) + marks + words + _text(815, 48, "nothing measured", "soft")


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where axes end: the same for all policies of a release, so that pictures below each other can be compared."""

    seconds: float
    hits: int
    shown: float


def _scale(report: Report, reports: Sequence[Report]) -> _Scale:
    same = [each for each in reports if each.release == report.release]
    outcomes = [outcome for each in same for outcome in each.outcomes]
    ends = [each.outcomes[each.example].seconds for each in same]
    changes = [at for each in same for at, _ in each.trace.weights]
    return _Scale(
        seconds=max([each.seconds for each in outcomes] or [0.0]) or 1.0,
        hits=max([each.hit for each in outcomes] or [0]),
        shown=max([*ends, *changes, 1.0]),
    )


def _row(report: Report, scale: _Scale, top: int) -> str:
    shares = ", ".join(
        f"{WORDS[name]} {100 * report.share(name).value:.1f} %" for name in RESULTS if report.share(name).seen
    )
    kind = "healthy" if report.healthy else "faulty"
    title = f"{report.release} ({kind}), {report.policy}: {shares}"
    base = top + 40 + HEIGHT
    xs = [LEFT + index * (PANEL + GAP) for index in range(3)]
    return (
        _text(LEFT, top + 16, title, "ink name")
        + _text(xs[0], top + 33, "time from the release to the end", "soft small")
        + _times(report, scale, xs[0], base)
        + _text(xs[1], top + 33, "requests hit by the new version, log scale", "soft small")
        + _hits(report, scale, xs[1], base)
        + _text(xs[2], top + 33, _typical(report), "soft small")
        + _run(report, scale, xs[2], base)
    )


def _typical(report: Report) -> str:
    return f"weight in a typical run: {WORDS[report.outcomes[report.example].result]}"


def _times(report: Report, scale: _Scale, x: float, base: float) -> str:
    """Stacked bars: when rollouts ended, by how they ended."""
    longest = scale.seconds
    counts = {name: [0] * BINS for name in RESULTS}
    for each in report.outcomes:
        counts[each.result][min(BINS - 1, int(BINS * each.seconds / longest))] += 1
    ticks = [(share, duration(longest * share)) for share in (0.0, 0.5, 1.0)]
    return _bars([(name, counts[name]) for name in RESULTS], x, base) + _axis(x, base, ticks)


def _hits(report: Report, scale: _Scale, x: float, base: float) -> str:
    """Bars: how many requests were hit; none at all stands apart at the left."""
    hits = [each.hit for each in report.outcomes]
    top = math.log10(1 + scale.hits) or 1.0
    counts = [0] * BINS
    for hit in hits:
        counts[min(BINS - 1, int(BINS * math.log10(1 + hit) / top))] += 1
    ticks = [(math.log10(1 + value) / top, f"{value:,}") for value in _decades(scale.hits)]
    middle = quantile([float(each) for each in hits], 0.5) or 0.0
    at = x + PANEL * math.log10(1 + middle) / top
    median = f'<path class="median" d="M{at:.1f} {base:.1f}V{base - HEIGHT:.1f}"/>'
    anchor = "end" if at > x + PANEL * 0.7 else "start"
    label = _text(at + (-4 if anchor == "end" else 4), base - HEIGHT + 10, f"median {middle:,.0f}", "ink small", anchor)
    return _bars([("hit", counts)], x, base) + median + label + _axis(x, base, ticks)


def _decades(most: int) -> list[int]:
    tens = [10**power for power in range(1, 9) if 10**power <= most]
    return [0, *(tens if len(tens) <= 4 else tens[1::2])] if tens else [0, most] if most else [0]


def _bars(series: Sequence[tuple[str, Sequence[int]]], x: float, base: float) -> str:
    totals = [sum(column) for column in zip(*(counts for _, counts in series), strict=True)]
    highest, width = max(totals) or 1, PANEL / BINS
    parts, heights = [], [0.0] * BINS
    for name, counts in series:
        for index, count in enumerate(counts):
            if not count:
                continue
            height = max(1.0, HEIGHT * 0.86 * count / highest)
            y = base - heights[index] - height
            box = f'x="{x + index * width:.1f}" y="{y:.1f}" width="{width - 1:.1f}" height="{height:.1f}"'
            parts.append(f'<rect class="{name}" {box}/>')
            heights[index] += height
    return "".join(parts)


def _run(report: Report, scale: _Scale, x: float, base: float) -> str:
    """The canary's weight over time, and each window's verdict at its end."""
    trace, longest = report.trace, scale.shown
    end = report.outcomes[report.example].seconds
    highest = max((weight for _, weight in trace.weights), default=0) or 1
    path = [f"M{x:.1f} {base:.1f}"]
    for at, weight in trace.weights:
        path.append(f"H{x + PANEL * at / longest:.1f}V{base - HEIGHT * 0.86 * weight / highest:.1f}")
    last = max([end, *(at for at, _ in trace.weights)])
    path.append(f"H{x + PANEL * last / longest:.1f}")
    ends = sorted({at for at, name, _, _ in trace.verdicts if name not in ("traffic", "drained") and at <= end})
    marks = "".join(_verdict(report, at, x + PANEL * at / longest, base, highest) for at in ends)
    ticks = [(share, duration(longest * share)) for share in (0.0, 0.5, 1.0)]
    return f'<path class="line" d="{"".join(path)}"/>{marks}{_axis(x, base, ticks)}' + _text(
        x - 6, base - HEIGHT * 0.86 + 4, f"{highest} %", "soft small", "end"
    )


def _verdict(report: Report, at: float, x: float, base: float, highest: int) -> str:
    """One mark for all checks whose window ended together: the worst."""
    said = {
        outcome for end, name, outcome, _ in report.trace.verdicts if end == at and name not in ("traffic", "drained")
    }
    weight = next((each for since, each in reversed(report.trace.weights) if since <= at), 0)
    y = base - HEIGHT * 0.86 * weight / highest
    if "fail" in said:
        return _cross(x, y)
    return _ring(x, y) if said - {"pass"} else f'<circle class="pass" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'


def _cross(x: float, y: float) -> str:
    return f'<path class="fail" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"/>'


def _ring(x: float, y: float) -> str:
    return f'<circle class="unsure" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


def _axis(x: float, base: float, ticks: Sequence[tuple[float, str]]) -> str:
    anchors = {0.0: "start", 1.0: "end"}
    labels = "".join(
        _text(x + PANEL * share, base + 15, text, "soft small", anchors.get(round(share, 2), "middle"))
        for share, text in ticks
    )
    marks = "".join(f'<path class="axis" d="M{x + PANEL * share:.1f} {base:.1f}v4"/>' for share, _ in ticks)
    return f'<path class="axis" d="M{x} {base:.1f}h{PANEL}"/>{marks}{labels}'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    place = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{place}>{escape(text)}</text>'
