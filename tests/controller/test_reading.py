"""A spec is read once for each version of it, and never once too rarely."""

from dataclasses import replace

import pytest

from delivery.controller.reading import Policy, Reading, Spec, under_names
from strategies.snapshot import Problem


@pytest.fixture
def reading() -> Reading:
    return Reading(Policy(metrics_server="http://prometheus", scrape_interval_seconds=5.0))


def canary(*, version: int = 1, generation: int = 1, status: object = None, **spec: object) -> dict:
    metadata = {"name": "reviews", "namespace": "shop", "generation": generation, "resourceVersion": str(version)}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}
    body = {"targetRef": target, "service": {"port": 9080}, "analysis": {}, **spec}
    return {"metadata": metadata, "spec": body} | ({"status": status} if status is not None else {})


def test_a_write_of_the_status_does_not_make_anybody_read_the_spec_again(reading: Reading) -> None:
    first = reading.spec(canary(version=1))

    assert reading.spec(canary(version=2, status={"phase": "Initialized"})) is first


def test_an_edit_is_read(reading: Reading) -> None:
    reading.spec(canary())

    edited = reading.spec(canary(version=2, generation=2, paused=True))

    assert isinstance(edited, Spec)
    assert edited.rollout.paused
    assert edited.rollout.generation == 2


def test_an_invalid_edit_holds_with_the_last_valid_spec_and_its_correction_is_read(reading: Reading) -> None:
    reading.spec(canary(progressDeadlineSeconds=77))

    held = reading.spec(canary(generation=2, progressDeadlineSeconds=-1))
    mended = reading.spec(canary(generation=3, progressDeadlineSeconds=78))

    assert isinstance(held, Spec)
    assert held.hold is not None
    assert held.hold.reason == "InvalidSpec"
    assert held.rollout.progress_deadline_seconds == 77
    assert held.rollout.generation == 2
    assert isinstance(mended, Spec)
    assert mended.hold is None
    assert mended.rollout.progress_deadline_seconds == 78


def test_a_spec_of_which_nothing_can_be_used_is_a_problem(reading: Reading) -> None:
    assert isinstance(reading.spec(canary(targetRef={})), Problem)


def test_the_brief_names_the_process_metrics_server_unless_the_canary_has_its_own(reading: Reading) -> None:
    general, own = reading.spec(canary()), reading.spec(canary(metricsServer="http://own:9090", generation=2))

    assert isinstance(general, Spec)
    assert isinstance(own, Spec)
    assert (general.brief.server, own.brief.server) == ("http://prometheus", "http://own:9090")


def test_the_process_provider_serves_canaries_that_name_none() -> None:
    reading = Reading(Policy(metrics_server="http://prometheus", provider="kubernetes"))

    default, own = reading.spec(canary()), reading.spec(canary(provider="istio", generation=2))

    assert isinstance(default, Spec)
    assert isinstance(own, Spec)
    assert (default.router.moves_apex, own.router.moves_apex) == (True, False)
    assert (default.rollout.analysis.all_or_nothing, own.rollout.analysis.all_or_nothing) == (True, False)


def test_the_process_matchers_are_part_of_every_builtin_question() -> None:
    policy = Policy(metrics_server="http://thanos", metrics_matchers=(("cluster=", "prod"),))
    read = Reading(policy).spec(canary())

    assert isinstance(read, Spec)
    assert read.brief.subject.matchers == (("cluster=", "prod"),)
    renamed = under_names(read, replace(read.names, cluster_domain="own.domain"))
    assert renamed.brief.subject.matchers == read.brief.subject.matchers
