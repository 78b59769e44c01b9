"""Findings in sentences; the table and the page say the same."""

from datetime import datetime, timedelta

from delivery.judge.asked import Asked
from delivery.judge.replay import Rollback, Story
from metrics.raw_queries import What
from metrics.verdict import Outcome, rate

NAMES = {What.REQUESTS: "errors", What.DURATIONS: "latency"}


def moment(at: datetime) -> str:
    """A time to the minute, in its own zone; UTC is said so."""
    return f"{at:%Y-%m-%d %H:%M} {at.tzname() or at.strftime('%z')}"


def length(seconds: float) -> str:
    """A length of time in its two largest units: "2 h 5 min", "40 s"."""
    left, parts = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def verdict(story: Story) -> str:
    """The finding in a word or two."""
    if story.rollback is not None:
        return "rolled back"
    return "shown fine" if all(_passed(story, what) for what in _kinds(story)) else "undecided"


def headline(asked: Asked, story: Story) -> str:
    """The finding in a sentence."""
    if story.rollback is None:
        return f"It would not have rolled {asked.canary} back."
    when = length((story.rollback.at - story.episode.begin).total_seconds())
    kind = NAMES[story.rollback.what]
    return f"It would have rolled {asked.canary} back for its {kind}, {when} after it began to serve."


def details(asked: Asked, story: Story) -> list[str]:
    """What there is to say besides, a sentence each."""
    out = []
    if story.rollback is not None:
        out.append(f"{story.rollback.verdict.message}.")
        out.append(saved(story.rollback))
    else:
        for what in _kinds(story):
            last = _last_word(story, what)
            if last:
                out.append(f"{NAMES[what].capitalize()}: {last}.")
    out.append(by_rule(asked, story))
    return [each for each in out if each]


def saved(rollback: Rollback) -> str:
    """What the rollback would have been good for."""
    spared = f"{rollback.spared:,.0f} later requests would not have met it"
    if rollback.bad <= 0:
        return f"{spared}."
    bad = f"{rollback.bad:,.0f} of them failed"
    if rollback.bad_elsewhere >= 0.5:
        bad += f", where the primary would have failed about {rollback.bad_elsewhere:,.0f}"
    return f"{spared}; {bad}."


def by_rule(asked: Asked, story: Story) -> str:
    """What the fixed limit would have done; "" where failures were not counted."""
    if What.REQUESTS not in asked.kinds:
        return ""
    rule = f"A fixed minimum of {asked.rule.minimum:g} % with {asked.rule.strikes} strikes"
    if story.by_rule is None:
        return f"{rule} would not have rolled back."
    after = story.by_rule - story.episode.begin
    if story.rollback is None:
        return f"{rule} would have rolled back after {length(after.total_seconds())}."
    later = story.by_rule - story.rollback.at
    if later > timedelta(0):
        return f"{rule} would have rolled back {length(later.total_seconds())} later."
    if later < timedelta(0):
        return f"{rule} would have rolled back {length(-later.total_seconds())} earlier."
    return f"{rule} would have rolled back at the same time."


def share(requests: float, bad: float) -> str:
    """Failed requests in percent; "-" without requests."""
    return f"{rate(100.0 * bad / requests)} %" if requests > 0 else "-"


def _kinds(story: Story) -> tuple[What, ...]:
    return tuple(story.windows[-1].verdicts) if story.windows else ()


def _passed(story: Story, what: What) -> bool:
    return any(each.verdicts[what].outcome is Outcome.PASS for each in story.windows)


def _last_word(story: Story, what: What) -> str:
    """The last that the judge said with numbers."""
    said = [each.verdicts[what] for each in story.windows if each.verdicts[what].evidence is not None]
    return said[-1].message if said else story.windows[-1].verdicts[what].message
