"""What people read, as files to look at: the same at any time, right at 80 and at 160 columns."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from delivery.terminal import look, runs, view, why
from delivery.terminal.figures import lasting, number, printable, sparkline, step_of
from tests.terminal import snapshots
from tests.terminal.recorded import FAILED, MOMENTS, NOW, PROGRESSING, RATE, RUN, ago, canary, seen

EVERY = dict(snapshots.everything())


@pytest.mark.parametrize(("name", "width"), snapshots.names())
def test_the_terminal_shows_what_the_snapshots_show(name: str, width: int) -> None:
    expected = (snapshots.FOLDER / f"{name}-{width}.txt").read_text()

    assert snapshots.text(EVERY[name], width) == expected, "python -m tests.terminal.snapshots writes them anew"


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("width", [40, 80, 160])
def test_no_line_is_longer_than_the_terminal_and_none_has_control_codes(name: str, width: int) -> None:
    text = snapshots.text(EVERY[name], width)

    assert max(map(cell_len, text.splitlines())) <= width
    assert all(each.isprintable() for each in text.splitlines())


@pytest.mark.parametrize("width", [80, 160])
def test_no_column_is_lost_where_there_is_little_room(width: int) -> None:
    text = snapshots.text(EVERY["get-broken"], width)

    for head in ("Role", "Workload", "Image", "Ready", "Share", "Requests", "Bad", "Recent", "Failed"):
        assert head in text
    assert "4 restarts" in text


def test_without_colour_nothing_is_lost() -> None:
    what = EVERY["get-progressing"]
    coloured = snapshots.text(what, 80, force_terminal=True, color_system="truecolor")
    plain = snapshots.text(what, 80, force_terminal=True, no_color=True, color_system=None)

    assert "\x1b[" in coloured
    assert "\x1b[3" not in plain
    assert "fail" in plain


def test_wide_characters_take_the_room_that_they_take() -> None:
    status = replace(PROGRESSING, message="版本的請求失敗率太高" * 12, checks=(replace(RATE, name="成功率" * 12),))
    text = snapshots.text(view.screen(look.look(seen(status), NOW)), 80)

    assert max(map(cell_len, text.splitlines())) <= 80
    assert "版本的請求" in text
    assert "97.5" in text


def test_what_comes_from_the_cluster_commands_no_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\r\nline"
    status = replace(
        PROGRESSING, message=evil, reason=evil, checks=(replace(RATE, message=evil, name=evil, limit=evil),)
    )
    for show in (*snapshots.VIEWS.values(),):
        text = snapshots.text(show(seen(status)), 80)
        assert "\x1b" not in text
        assert "\x07" not in text


def test_what_is_next_is_said_with_its_earliest_time() -> None:
    shown = look.look(MOMENTS["progressing"], NOW)

    assert shown.next.action == "step 3 of 4 (25 %) if all checks pass"
    assert shown.next.at is not None
    assert (shown.next.at - NOW).total_seconds() == 40, "the failed window has prolonged the step"
    assert look.look(MOMENTS["gated"], NOW).next.action == "promotion when approval/sign-off opens"


def test_everything_that_has_a_time_is_a_timer() -> None:
    stuck = replace(PROGRESSING, run=replace(RUN, stuck_since=ago(100), spent_seconds=200.0, windows_from=ago(-5)))
    times = {each.what: (each.at - NOW).total_seconds() for each in look.look(seen(stuck), NOW).timers}
    assert times == {
        "the step's windows open": 5,
        "the step may end": 65,
        "rolled back unless pods are ready by then (progressDeadlineSeconds)": 300,
    }
    kept = replace(FAILED, previous_spec="v2-old", previous_until=ago(-900))
    assert {each.what: (each.at - NOW).total_seconds() for each in look.look(seen(kept), NOW).timers} == {
        "pods without users may go": 25,
        "they go in any case": 295,
        "until then the version before may serve again without analysis": 900,
    }
    assert look.look(seen(replace(kept, previous_spec="", stage_since=ago(900))), NOW).timers == ()


def test_somebody_without_permissions_sees_everything_else() -> None:
    bare = replace(MOMENTS["progressing"], workloads=(), events=(), notes=("no permission to list pods",))
    text = snapshots.text(view.screen(look.look(bare, NOW)), 80)

    assert "step 2 of 4" in text
    assert "not shown: no permission to list pods" in text


def test_a_past_run_says_why_while_its_event_is_there() -> None:
    moment = MOMENTS["failed"]
    with_event, *_ = runs.runs(moment.status, moment.events, NOW)
    without, *_ = runs.runs(moment.status, (), NOW)

    assert with_event.message == "Rolled back at 10 %: 3 of 480 requests failed"
    assert without.message.startswith("57 of 1,204 requests failed"), "the status keeps the last run's sentence"
    assert (with_event.result, with_event.seconds, with_event.weight) == ("RolledBack", 300, 10)


def test_an_explanation_has_the_numbers_what_would_change_them_and_what_to_do() -> None:
    told = why.why(MOMENTS["progressing"], NOW)

    assert "3 of 480 requests failed (0.62 %) against 11 of 4,790 (0.23 %) on the primary" in told.evidence[0]
    assert told.changed_by == (
        "request-success-rate: 7 failed requests fewer would have passed",
        "4 more failed checks would roll it back",
    )
    gated = why.why(MOMENTS["gated"], NOW)
    assert "kubectl delivery approve reviews --gate sign-off" in gated.to_do[-1]
    assert gated.since is not None
    assert (NOW - gated.since).total_seconds() == 130


def test_a_later_program_s_status_is_read_as_far_as_it_can_be() -> None:
    body = canary(PROGRESSING)
    body["status"] |= {"version": 99, "run": {"colour": "blue"}}
    shown = look.look(replace(MOMENTS["progressing"], canary=body), NOW)

    assert (shown.phase, shown.wanted) == ("Progressing", 10)


@pytest.mark.parametrize(
    ("values", "line"), [((), ""), ((1.0,), "▄"), ((5.0, 5.0), "▄▄"), ((0.0, 50.0, 100.0), "▁▅█"), ((9.0, 1.0), "█▁")]
)
def test_sparklines_go_from_the_least_to_the_greatest(values: tuple[float, ...], line: str) -> None:
    assert sparkline(values) == line


def test_figures_are_short() -> None:
    assert [lasting(each) for each in (0, 59.6, 61, 3600, 90061)] == ["0s", "1m", "1m1s", "1h", "1d1h"]
    assert [number(each) for each in (None, 0.0, 97.123456, 123456.7)] == ["-", "0", "97.12", "123,457"]
    assert [step_of(each) for each in ("", "2/4", "2/4 (1/5)")] == [(0, 0), (2, 4), (2, 4)]
    assert printable("a\tb\x1bc é 版") == "a b c é 版"
