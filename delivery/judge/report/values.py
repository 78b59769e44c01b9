"""Findings for programs: plain values with the same names as in the sentences, times in ISO 8601, shares in percent."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from delivery.judge.asked import Asked
from delivery.judge.replay import Judged, Rollback, Story, share_of
from delivery.judge.report import words
from metrics.verdict import Evidence, Verdict

VERSION = 1


def values(asked: Asked, stories: Sequence[Story]) -> Mapping[str, Any]:
    """The report as JSON has it. `version` changes when a name or its meaning does."""
    return {
        "version": VERSION,
        "namespace": asked.namespace,
        "primary": asked.primary,
        "canary": asked.canary,
        "begin": asked.begin.isoformat(),
        "end": asked.end.isoformat(),
        "windowSeconds": asked.window_seconds,
        "settings": asdict(asked.settings),
        "episodes": [_story(asked, each) for each in stories],
    }


def _story(asked: Asked, story: Story) -> Mapping[str, Any]:
    return {
        "begin": story.episode.begin.isoformat(),
        "end": story.episode.end.isoformat(),
        "verdict": words.verdict(story),
        "text": [words.headline(asked, story), *words.details(asked, story)],
        "peakShare": round(story.peak_share, 2),
        "rollback": None if story.rollback is None else _rollback(story.rollback),
        "ruleRollback": None if story.by_rule is None else story.by_rule.isoformat(),
        "windows": [_window(each) for each in story.windows],
    }


def _rollback(rollback: Rollback) -> Mapping[str, Any]:
    return {
        "at": rollback.at.isoformat(),
        "window": rollback.window,
        "metric": words.NAMES[rollback.what],
        "message": rollback.verdict.message,
        "evidence": _evidence(rollback.verdict.evidence),
        "laterRequests": rollback.spared,
        "laterFailures": rollback.bad,
        "laterFailuresOnPrimary": round(rollback.bad_elsewhere, 1),
        "failuresSaved": round(rollback.saved, 1),
    }


def _window(judged: Judged) -> Mapping[str, Any]:
    return {
        "number": judged.number,
        "end": judged.end.isoformat(),
        "share": round(share_of(judged.requests), 2),
        "canaryRequests": judged.requests.canary.requests,
        "primaryRequests": judged.requests.primary.requests,
        "verdicts": {words.NAMES[what]: _verdict(each) for what, each in judged.verdicts.items()},
    }


def _verdict(verdict: Verdict) -> Mapping[str, Any]:
    return {"outcome": verdict.outcome.value, "evidence": _evidence(verdict.evidence)}


def _evidence(evidence: Evidence | None) -> Mapping[str, Any] | None:
    return None if evidence is None else {name: each for name, each in asdict(evidence).items() if each is not None}
