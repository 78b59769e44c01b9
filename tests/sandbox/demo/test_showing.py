"""What the demo shows: the same on a small screen, without colour and without a terminal."""

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from delivery.sandbox.demo.frame import CheckLine, Frame, Told, Version, Wrote
from delivery.sandbox.demo.plain import Lines
from delivery.sandbox.demo.summary import Expected, complaints, ended, table
from delivery.sandbox.demo.view import Screen
from delivery.terminal.figures import bar

FRAME = Frame(
    at=41.2,
    act="Release reviews v3 [which fails]",
    canary="reviews",
    phase="Progressing",
    step="1/2",
    wanted=20,
    routed=20,
    seen=20.3,
    versions=(
        Version(name="v2", role="primary", share=80, rate=40, bad=0),
        Version(name="v3", role="canary", share=20, rate=10, bad=3),
    ),
    checks=(CheckLine(name="request-success-rate", value="92.3 %", limit="min 99", outcome="fail"),),
    timers=("next window is judged in 3 s",),
    told=(Told(at=38, reason="CheckFailed", message="request-success-rate [92.3 %] is below 99 % " * 3, warning=True),),
    wrote=(Wrote(at=36, object="VirtualService/reviews", what="primary 80, canary 20"),),
    bad=12,
)


def shown(what: RenderableType, **options: object) -> str:
    out = io.StringIO()
    Console(file=out, width=80, **options).print(what)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_screen_of_80_by_24_is_enough_whatever_happened() -> None:
    busy = replace(FRAME, told=FRAME.told * 9, wrote=FRAME.wrote * 9)
    for frame in (Frame(at=0, act="Begin", canary="reviews"), FRAME, busy):
        lines = shown(Screen(frame)).splitlines()
        assert len(lines) <= 24
        assert {len(line) for line in lines} == {80}


def test_the_screen_keeps_its_height_when_more_is_told() -> None:
    quiet = replace(FRAME, told=(), wrote=())
    assert len(shown(Screen(quiet)).splitlines()) == len(shown(Screen(FRAME)).splitlines())


def test_nothing_is_told_by_colour_alone() -> None:
    text = shown(Screen(FRAME), no_color=True)
    assert "\x1b" not in text
    for word in ("fail", "wanted 20 %", "seen 20.3 %", "3.0/s", "[92.3 %]", "[which fails]", "primary 80, canary 20"):
        assert word in text


def test_the_last_sentence_is_told_whole() -> None:
    text = " ".join(shown(Screen(FRAME)).split())
    assert text.count("is below 99") == 3


@pytest.mark.parametrize(("share", "filled"), [(0, 0), (0.4, 1), (50, 12), (99.9, 23), (100, 24)])
def test_a_share_above_nothing_is_seen_and_one_below_all_is_not_full(share: float, filled: int) -> None:
    assert bar(share).count("█") == filled


def test_lines_tell_each_thing_once_and_are_silent_when_nothing_happens() -> None:
    lines = Lines()
    first = list(lines.of(FRAME))
    assert first[0] == " 0:41  == Release reviews v3 [which fails]"
    assert " 0:36  wrote VirtualService/reviews: primary 80, canary 20" in first
    assert (
        first[-1]
        == " 0:41  -- Progressing step 1/2: wanted 20 %, routed 20 %; requests: v2 (primary) 80 %, v3 (canary) 20 %"
    )
    assert list(lines.of(replace(FRAME, at=42))) == []
    assert list(lines.of(replace(FRAME, at=43, wanted=0))) == [
        " 0:43  -- Progressing step 1/2: wanted 0 %, routed 20 %; requests: v2 (primary) 80 %, v3 (canary) 20 %"
    ]


PAST = {
    "id": "r1",
    "revision": "v1-abc",
    "started": "2026-01-01T00:00:00Z",
    "ended": "2026-01-01T00:00:21.4Z",
    "result": "RolledBack",
    "reason": "CheckFailed",
}
CANARY = {"status": {"message": "Rolled back at 20 %: it failed", "history": [{**PAST, "result": "Promoted"}, PAST]}}
ROLLED_BACK = Expected(version="v3", result="RolledBack", primary="v2")


def test_a_run_that_ended_as_promised_has_no_complaint() -> None:
    run = ended(CANARY, version="v3", lost=0, bad=12)
    assert run is not None
    assert run.seconds == pytest.approx(21.4)
    assert complaints(run, ROLLED_BACK, primary="v2") == []
    text = " ".join(shown(table([run]), no_color=True).split())
    for word in ("v3", "RolledBack", "21 s", "12"):
        assert word in text


def test_whatever_is_not_as_promised_is_named() -> None:
    run = ended(CANARY, version="v3", lost=4, bad=0)
    assert complaints(run, Expected(version="v3", result="Promoted", primary="v3"), primary="") == [
        "v3: Promoted was expected, the Canary says RolledBack (Rolled back at 20 %: it failed)",
        "v3: the primary should run v3, and runs nothing",
        "v3: 4 requests met no ready pod",
    ]
    aborted = replace(ROLLED_BACK, reason="Aborted")
    run = ended(CANARY, version="v3", lost=0, bad=0)
    assert run is not None
    assert complaints(replace(run, reason="Aborted"), aborted, primary="v2") == []
    assert complaints(run, aborted, primary="v2") == [
        "v3: it should have ended for Aborted, and ended for CheckFailed (Rolled back at 20 %: it failed)"
    ]
    assert complaints(ended({}, version="v3", lost=0, bad=0), ROLLED_BACK, primary="v2") == [
        "v3: the Canary's history has no run"
    ]
