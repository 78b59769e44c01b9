"""pod-health: what counts as broken at once, what does not, and how people are told."""

from datetime import UTC, datetime

import pytest

from delivery.cluster import projections
from delivery.workloads.health import is_ready, trouble

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def pod(name="reviews-1", *, init=None, deleting=False, ready=True, **container):
    meta = {"name": name, "namespace": "shop"}
    if deleting:
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    status = {
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"name": "app", "restartCount": 0, "state": {"running": {}}, **container}],
    }
    if init:
        status["initContainerStatuses"] = [{"name": "migrate", "restartCount": 0, **init}]
    return {"metadata": meta, "status": status}


def waiting(reason):
    return {"state": {"waiting": {"reason": reason}}}


def killed(reason="OOMKilled", at="2026-01-01T11:00:00Z", exit_code=137):
    return {"terminated": {"reason": reason, "exitCode": exit_code, "finishedAt": at}}


@pytest.mark.parametrize(
    "reason",
    [
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    ],
)
def test_a_container_that_is_stuck_is_trouble_at_once(reason):
    found = trouble([pod("reviews-9", **waiting(reason))])
    assert found.reason == reason
    assert found.message.startswith(f"pod reviews-9, container app: {reason}: ")


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing", ""])
def test_a_container_that_is_starting_is_no_trouble(reason):
    assert trouble([pod(**waiting(reason))]) is None


def test_init_containers_count():
    assert "container migrate" in trouble([pod(init=waiting("CrashLoopBackOff"))]).message


@pytest.mark.parametrize("where", ["state", "lastState"])
def test_out_of_memory_is_trouble_at_once(where):
    assert trouble([pod(**{where: killed()})]).reason == "OOMKilled"


@pytest.mark.parametrize(("restarts", "reason"), [(0, None), (2, None), (3, "Restarting"), (7, "Restarting")])
def test_restarts_are_trouble_from_the_third(restarts, reason):
    found = trouble([pod(restartCount=restarts, lastState=killed("Error", exit_code=1))])
    assert (found.reason if found else None) == reason


def test_a_finished_init_container_is_no_trouble():
    assert trouble([pod(init={"state": killed("Completed", exit_code=0)})]) is None


def test_a_pod_that_is_being_deleted_is_no_trouble():
    assert trouble([pod(deleting=True, **waiting("CrashLoopBackOff"))]) is None


def test_the_first_pod_by_name_is_named():
    pods = [pod("b", **waiting("ErrImagePull")), pod("a", **waiting("CrashLoopBackOff")), pod("0")]
    assert trouble(pods).message.startswith("pod a,")


def test_what_ended_long_ago_is_history():
    old = pod(restartCount=9, lastState=killed(at="2026-01-01T11:00:00Z"))
    assert trouble([old]).reason == "OOMKilled"
    assert trouble([old], since=NOW) is None
    assert trouble([pod(**waiting("CrashLoopBackOff"))], since=NOW).reason == "CrashLoopBackOff"
    assert trouble([pod(lastState=killed(at="2026-01-01T12:00:00Z"))], since=NOW).reason == "OOMKilled"


def test_what_the_cache_keeps_of_a_pod_is_enough_to_tell():
    old = projections.pod(pod(restartCount=9, lastState=killed(at="2026-01-01T11:00:00Z")))
    assert trouble([old]).reason == "OOMKilled"
    assert trouble([old], since=NOW) is None
    assert trouble([projections.pod(pod(**waiting("ErrImagePull")))], since=NOW).reason == "ErrImagePull"


def test_a_pod_without_status_is_neither_ready_nor_trouble():
    assert trouble([{"metadata": {"name": "new"}}]) is None
    assert not is_ready({"metadata": {"name": "new"}})


def test_ready_means_ready_and_staying():
    assert is_ready(pod())
    assert not is_ready(pod(ready=False))
    assert not is_ready(pod(deleting=True))
