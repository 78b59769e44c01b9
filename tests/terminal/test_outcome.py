"""The outcome of one revision is never taken for another's, nor an old run's for a new one."""

from dataclasses import replace

import pytest

from delivery.terminal.outcome import EXIT_CODES, Fate, Standing, standing
from strategies.status import Phase, Result, Stage, Status
from tests.terminal.recorded import FAILED, PAST, PROGRESSING, RUN

OLD, NEW, NEWEST = "v2-11aa22bb33cc", RUN.revision, "v2-999999999999"


def of(status: Status, revision: str = NEW, *known: str) -> Standing:
    return standing(status, lambda each: each == revision, known=frozenset(known), namespace="bookinfo", name="reviews")


REST = replace(FAILED, stage=Stage.NONE)
PROMOTED = replace(
    REST, phase=Phase.SUCCEEDED, last_promoted_spec=NEW, history=(replace(PAST, result=Result.PROMOTED),)
)


@pytest.mark.parametrize(
    ("status", "known", "fate"),
    [
        (PROGRESSING, (), Fate.RUNNING),
        (PROMOTED, ("r1f2",), Fate.PROMOTED),
        (FAILED, ("r1f1", "r1f2"), Fate.ROLLED_BACK),
        (replace(REST, history=(), last_applied_spec=NEW), (), Fate.REFUSED),
        (replace(REST, history=(replace(PAST, result=Result.CANCELLED),), last_applied_spec=OLD), (), Fate.CANCELLED),
        (replace(PROGRESSING, run=replace(RUN, revision=NEWEST)), (), Fate.NOT_SEEN),
    ],
)
def test_what_has_become_of_a_revision(status: Status, known: tuple[str, ...], fate: Fate) -> None:
    assert of(status, NEW, *known).outcome is fate


def test_the_last_release_s_success_is_not_the_next_one_s() -> None:
    """Right after `kubectl apply` the status still says Succeeded, of the version before."""
    assert of(PROMOTED, NEWEST).outcome is Fate.NOT_SEEN


def test_a_version_that_failed_before_is_not_failed_while_it_is_tried_again() -> None:
    again = replace(PROGRESSING, history=(PAST,))
    assert of(again, NEW, PAST.id).outcome is Fate.RUNNING

    between = replace(REST, history=(PAST,), last_applied_spec=NEWEST)
    assert of(between, NEW, PAST.id).outcome is Fate.NOT_SEEN, "another was tried since; this one comes anew"


def test_a_run_that_a_newer_one_has_replaced_is_superseded() -> None:
    status = replace(PROGRESSING, run=replace(RUN, revision=NEWEST), history=(replace(PAST, result=Result.SUPERSEDED),))

    assert of(status).outcome is Fate.SUPERSEDED


def test_finished_is_when_pods_without_users_are_gone() -> None:
    assert not of(FAILED).rest
    assert of(REST).rest


def test_scripts_can_tell_outcomes_by_their_exit_codes() -> None:
    assert {fate.value: code for fate, code in EXIT_CODES.items()} == {
        "Promoted": 0,
        "RolledBack": 3,
        "Refused": 3,
        "Cancelled": 4,
        "Superseded": 5,
        "Running": 6,
        "NotSeen": 6,
        "Deleted": 7,
    }
