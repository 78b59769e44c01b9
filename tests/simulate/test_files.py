"""A file that cannot be simulated is refused with the field, what was given and what is allowed."""

from pathlib import Path
from typing import Any

import pytest

from delivery.simulate.reading import UnusableError, check_together, read_policy, read_releases
from delivery.simulate.release import Releases
from tests.simulate.scenes import canary, policy, releases, written


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            {"releases": [{"name": "a", "fault": {"errorPercent": 120}}]},
            "fault.errorPercent: given 120, allowed 0..100",
        ),
        (
            {"releases": [{"name": "a", "falt": {}}]},
            "releases[0].falt: given {}, allowed no field of that name; did you",
        ),
        ({"requests": {"perSecond": "many"}, "releases": [{"name": "a"}]}, 'requests.perSecond: given "many", allowed'),
        ({"releases": []}, "releases: given [], allowed"),
        ({}, "releases: given nothing, allowed"),
        ({"releases": [{"name": "a"}, {"name": "a"}]}, 'releases: given "a" twice, allowed names that differ'),
        ({"latency": {"medianMs": 300}, "releases": [{"name": "a"}]}, "latency: given p99Ms 250 and medianMs 300"),
        (
            {"releases": [{"name": "a", "fault": {"errorPercent": 1, "errorRatio": 2}}]},
            "releases[0].fault: given errorPercent and errorRatio, allowed at most one of them",
        ),
        (
            {"prometheus": {"away": [{"fromSeconds": 9, "toSeconds": 3}]}, "releases": [{"name": "a"}]},
            "prometheus.away[0]: given fromSeconds 9 and toSeconds 3, allowed fromSeconds < toSeconds",
        ),
        ([1], "given list, allowed an object with releases"),
    ],
)
def test_a_releases_file_that_is_wrong_says_where(tmp_path: Path, body: Any, says: str) -> None:
    with pytest.raises(UnusableError) as refused:
        read_releases((written(tmp_path, "releases.yaml", body),))

    assert says in str(refused.value)
    assert "releases.yaml: " in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"suspend": True}, "spec.suspend: given true, allowed false"),
        ({"analysis": {"sessionAffinity": {"cookieName": "v"}}}, "given spec.analysis.sessionAffinity, allowed"),
        ({"analysis": {"stepWeight": 101}}, "spec.analysis.stepWeight: given 101, allowed 0..100"),
    ],
)
def test_a_policy_that_cannot_be_simulated_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UnusableError) as refused:
        read_policy(written(tmp_path, "canary.yaml", canary(**changes)))

    assert says in str(refused.value)


def test_a_file_without_a_canary_and_one_that_is_no_yaml_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="given 0 Canaries, allowed exactly one"):
        read_policy(written(tmp_path, "service.yaml", {"kind": "Service"}))
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    with pytest.raises(UnusableError, match="is no YAML"):
        read_releases((broken,))


def test_releases_of_several_files_have_names_of_their_own(tmp_path: Path) -> None:
    first = written(tmp_path, "a.yaml", {"releases": [{"name": "healthy"}]})
    second = written(tmp_path, "b.yaml", {"releases": [{"name": "bad", "fault": {"errorPercent": 5}}]})

    assert [(each.name, each.healthy) for each in read_releases((first, second))] == [("healthy", True), ("bad", False)]
    with pytest.raises(UnusableError, match="given 'healthy' twice"):
        read_releases((first, first))


def test_a_metric_of_one_s_own_needs_values(tmp_path: Path) -> None:
    given = policy(tmp_path, analysis={"metrics": [{"name": "queue", "query": "sum(queue)"}]})

    with pytest.raises(UnusableError, match=r"metric 'queue' .* allowed metrics.queue: {mean: NUMBER"):
        check_together(given, releases(tmp_path))


def test_a_policy_for_some_users_needs_to_know_how_many_they_are(tmp_path: Path) -> None:
    match = [{"headers": {"x-user": {"exact": "a"}}}]
    given = policy(tmp_path, analysis={"iterations": 3, "match": match})

    with pytest.raises(UnusableError, match=r"given no requests.matchPercent, allowed 0..100"):
        check_together(given, releases(tmp_path))
    check_together(given, releases(tmp_path, requests={"matchPercent": 10}))


def test_a_release_s_own_section_replaces_the_file_s(tmp_path: Path) -> None:
    plain, busy = releases(
        tmp_path,
        {"name": "plain"},
        {"name": "busy", "requests": {"perSecond": 500}, "healthy": False},
        requests={"perSecond": 20, "dailySwingPercent": 50},
    )

    assert (plain.per_second, plain.swing, plain.healthy) == (20, 0.5, True)
    assert (busy.per_second, busy.swing, busy.healthy) == (500, 0, False)


def test_every_field_is_described_and_stands_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulate.md").read_text()
    schema = Releases.model_json_schema(by_alias=True)
    for model in (schema, *schema["$defs"].values()):
        for name, field in model["properties"].items():
            assert field.get("description") or "$ref" in field, (model["title"], name)
            assert f"`{name}`" in page or f"{name}:" in page, (model["title"], name)


def test_the_policy_of_a_canary_that_only_looks_on_is_tried_as_it_would_roll_out(tmp_path: Path) -> None:
    assert not policy(tmp_path, mode="observe").spec.observe


def test_a_policy_is_tried_without_people_and_calendars(tmp_path: Path) -> None:
    """Nobody could answer in virtual time: a rollout would be undecided for ever."""
    windows = {"allow": [{"cron": "0 9 * * 1-5", "durationSeconds": 3600}]}
    gates = [{"name": "sign-off", "before": "promotion"}]
    spec = policy(tmp_path, analysis={"gates": gates}, rolloutWindows=windows).spec
    assert (spec.gates, spec.windows) == ((), None)
