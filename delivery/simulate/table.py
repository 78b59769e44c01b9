"""The reports as a table that fits a terminal of 80 columns."""

from collections.abc import Sequence

from delivery.simulate.bounds import quantile
from delivery.simulate.report import Report, Share

WIDTH = 80
_HEAD = ("release", "rolled back", "promoted", "open", "median (p95)", "hit (p95)")
_WIDTHS = (14, 19, 8, 7, 15, 12)


def table(reports: Sequence[Report], *, seed: int) -> str:
    """All policies, one block each; several side by side are told apart by a line for each policy and release."""
    policies = list(dict.fromkeys(each.policy for each in reports))
    lines = [f"{len(reports[0].outcomes)} rollouts of each release, seed {seed}" if reports else ""]
    if len(policies) == 1:
        lines += ["", *_block(reports, [each.release for each in reports], title="release")]
    else:
        for release in dict.fromkeys(each.release for each in reports):
            same = [each for each in reports if each.release == release]
            lines += ["", f"release {release}", *_block(same, [each.policy for each in same], title="policy")]
    lines += ["", *_legend(reports)]
    return "\n".join(line.rstrip() for line in lines)


def _block(reports: Sequence[Report], names: Sequence[str], *, title: str) -> list[str]:
    rows = [(title, *_HEAD[1:]), *(_row(report, name) for report, name in zip(reports, names, strict=True))]
    return [" ".join(_fitted(cell, width) for cell, width in zip(row, _WIDTHS, strict=True)) for row in rows]


def _row(report: Report, name: str) -> tuple[str, ...]:
    rolled_back = report.share("rolled_back")
    hits = [float(each.hit) for each in report.outcomes]
    low, high = rolled_back.bounds
    ended = "rolled_back" if rolled_back.value > 0.5 else "promoted"
    return (
        name,
        f"{_percent(rolled_back)} ({_short(low)}..{_short(high)})",
        _percent(report.share("promoted")),
        _percent(report.share("undecided")),
        _both(report.seconds(ended)),
        f"{_count(quantile(hits, 0.5))} ({_count(quantile(hits, 0.95))})",
    )


def _legend(reports: Sequence[Report]) -> list[str]:
    """What else there is to say of each, in a line."""
    lines, several = [], len({each.policy for each in reports}) > 1
    for each in reports:
        held = quantile([outcome.held_seconds for outcome in each.outcomes], 0.5)
        reasons = ", ".join(f"{name} {count}" for name, count in list(each.reasons().items())[:3])
        verdict = "ought to be promoted" if each.healthy else "ought to be rolled back"
        name = f"{each.release} by {each.policy}" if several else each.release
        start = f"{name}: {verdict}; held {duration(held)} (median)"
        lines += [start if len(start) <= WIDTH else start[: WIDTH - 1] + "…", f"  ended by {reasons}"[:WIDTH]]
    lines += [
        "",
        "rolled back: % of rollouts, with 95 % bounds of the probability. median (p95):",
        "time from the release to the end that is the more frequent one. hit: users'",
        "requests that failed or were slow because of the new version.",
    ]
    return lines


def _percent(share: Share) -> str:
    return f"{100 * share.value:.1f} %"


def _short(share: float) -> str:
    text = f"{100 * share:.1f}"
    return text.removesuffix(".0") if text in ("0.0", "100.0") else text


def _both(seconds: Sequence[float]) -> str:
    return f"{duration(quantile(seconds, 0.5))} ({duration(quantile(seconds, 0.95))})" if seconds else "-"


def _count(number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:.0f}" if number < 10000 else f"{number / 1000:.0f}k" if number < 1e6 else f"{number / 1e6:.1f}M"


def duration(seconds: float | None) -> str:
    """Seconds for people: 45s, 6m10s, 2h05m."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes_left:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def _fitted(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"
