"""`delivery status --wait` in a pipeline: it waits for the version that was just released, and ends by its outcome."""

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from delivery.api.status import dump
from delivery.cli import main
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, Ref
from delivery.workloads.revision import revision
from strategies.status import Past, Phase, Status
from strategies.status import Result as Ended
from tests.cli.programs import ended, started
from tests.cli.served import Served
from tests.terminal import recorded

REVIEWS = recorded.deployment("reviews", "reviews:v2", 1)
NEW = revision(REVIEWS["spec"]["template"])
OLD = "v2-11aa22bb33cc"
BEFORE = Status(
    phase=Phase.SUCCEEDED, last_promoted_spec=OLD, last_applied_spec=OLD, reason="Promoted", message="all is well"
)
RUNNING = replace(recorded.PROGRESSING, run=replace(recorded.RUN, revision=NEW), last_applied_spec=NEW)


def over(result: Ended) -> Status:
    past: Past = replace(recorded.PAST, revision=NEW, result=result, reason=result.value)
    promoted = result is Ended.PROMOTED
    return replace(
        BEFORE,
        phase=Phase.SUCCEEDED if promoted else Phase.FAILED,
        last_promoted_spec=NEW if promoted else OLD,
        last_applied_spec=NEW,
        history=(past,),
        message="",
    )


def release(served: Served, status: Status | None) -> None:
    """A target with a new version, and a Canary whose status may not know of it yet."""
    served.canary("reviews", status=dump(status) if status is not None else None)
    served.create(DEPLOYMENTS, {"metadata": {"name": "reviews"}, "spec": REVIEWS["spec"]})


def call(served: Served, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["status", "reviews", *arguments, "--kubeconfig", str(served.kubeconfig)])


@pytest.mark.parametrize(
    ("result", "code"), [(Ended.PROMOTED, 0), (Ended.ROLLED_BACK, 3), (Ended.CANCELLED, 4), (Ended.SUPERSEDED, 5)]
)
def test_the_exit_code_tells_the_outcome(served: Served, result: Ended, code: int) -> None:
    release(served, over(result))
    found = call(served, "--wait", "-o", "json")

    assert found.exit_code == code, found.output
    body = json.loads(found.output)
    assert (body["kind"], body["outcome"], body["revision"]) == ("Standing", result.value, NEW)


def test_the_success_of_the_version_before_is_not_believed(served: Served) -> None:
    release(served, BEFORE)
    found = call(served, "--wait", "--timeout", "1s")

    assert found.exit_code == 6
    assert "the controller has not begun with the target's version yet" in found.output
    assert call(served).exit_code == 0, "without --wait it only says how it stands"


def test_a_pipeline_waits_through_the_run_to_its_end(served: Served) -> None:
    release(served, BEFORE)
    with started(served, "status", "reviews", "--wait", "--timeout", "50") as process:
        assert process.stderr is not None
        assert "has not begun" in process.stderr.readline()
        served.status(CANARIES, "reviews", dump(RUNNING))
        assert "Running, step 2/4, wanted 10 %" in process.stderr.readline()
        served.status(CANARIES, "reviews", dump(over(Ended.PROMOTED)))
        code, out, _ = ended(process)

    assert (code, out) == (0, f"default/reviews {NEW}: Promoted: Promoted\n")


def test_a_target_with_yet_another_version_ends_the_wait(served: Served) -> None:
    release(served, BEFORE)
    with started(served, "status", "reviews", "--wait", "--timeout", "50") as process:
        assert process.stderr is not None
        process.stderr.readline()
        image = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "reviews:v3"}
        served.then(lambda: served.store.patch(Ref(DEPLOYMENTS, "default", "reviews"), [image]))
        served.status(CANARIES, "reviews", dump(replace(BEFORE, message="a new version")))
        code, out, _ = ended(process)

    assert code == 5, out


def test_a_deleted_canary_ends_the_wait(served: Served) -> None:
    release(served, RUNNING)
    with started(served, "status", "reviews", "--wait", "--timeout", "50") as process:
        assert process.stderr is not None
        process.stderr.readline()
        served.then(lambda: served.store.delete(Ref(CANARIES, "default", "reviews")))
        code, out, _ = ended(process)

    assert (code, "Deleted" in out) == (7, True)


def test_finished_waits_until_nothing_is_left_to_do(served: Served) -> None:
    draining = {**dump(over(Ended.ROLLED_BACK)), "stage": "drain", "stageSince": "2026-03-01T12:00:00Z"}
    served.canary("reviews", status=draining)

    assert call(served, "--wait", "--revision", NEW).exit_code == 3
    found = call(served, "--wait", "--for", "finished", "--revision", NEW, "--timeout", "1")
    assert (found.exit_code, "RolledBack" in found.output) == (6, True)
    served.status(CANARIES, "reviews", dump(over(Ended.ROLLED_BACK)))
    assert call(served, "--wait", "--for", "finished", "--revision", NEW).exit_code == 3


def test_a_target_without_a_template_needs_a_named_revision(served: Served) -> None:
    served.canary("reviews", status=dump(BEFORE))
    kind: Any = [{"op": "replace", "path": "/spec/targetRef/kind", "value": "Service"}]
    served.then(lambda: served.store.patch(Ref(CANARIES, "default", "reviews"), kind))

    found = call(served, "--wait")
    assert (found.exit_code, "give --revision" in found.output) == (1, True)
    assert call(served, "--wait", "--revision", OLD).exit_code == 0


def test_a_timeout_that_is_none_is_a_wrong_call(served: Served) -> None:
    found = call(served, "--wait", "--timeout", "soon")

    assert (found.exit_code, "--timeout" in found.output) == (2, True)
