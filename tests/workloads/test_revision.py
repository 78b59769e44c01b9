"""A revision says what makes two versions differ, and nothing else."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.cluster.objects import CONFIG_MAPS, SECRETS
from delivery.workloads.configs.references import Config
from delivery.workloads.revision import (
    Scope,
    configs_of,
    matches,
    only_configs_differ,
    revision,
    unread_revision,
)

TEMPLATE = {
    "metadata": {"labels": {"app": "reviews"}},
    "spec": {"containers": [{"name": "reviews", "image": "reviews:v1"}]},
}

scalars = st.one_of(st.booleans(), st.integers(), st.text(max_size=5))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3), st.dictionaries(st.text(max_size=4), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)
templates = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries({"labels": st.dictionaries(st.text(max_size=4), st.text(max_size=4))}),
        "spec": st.dictionaries(st.text(max_size=4), values, max_size=4),
    }
)
empties = st.sampled_from([None, {}, [], {"deep": {"deeper": None}}])


def reversed_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_members(value[key]) for key in reversed(value)}
    return [reversed_members(item) for item in value] if isinstance(value, list) else value


def with_empties(value: Any, empty: Any) -> Any:
    """The value with an empty member in each of its objects."""
    if isinstance(value, dict):
        return {**{key: with_empties(item, empty) for key, item in value.items()}, "an-absent-member": empty}
    return [with_empties(item, empty) for item in value] if isinstance(value, list) else value


def changes(value: Any) -> list[Any]:
    """Every value that differs from this one in one leaf."""
    if isinstance(value, dict):
        return [{**value, key: new} for key, item in value.items() for new in changes(item)]
    if isinstance(value, list):
        return [[*value[:at], new, *value[at + 1 :]] for at, item in enumerate(value) for new in changes(item)]
    return [f"{value}'"]


CONFIGS = {Config(CONFIG_MAPS, "settings"): "0123456789ab", Config(SECRETS, "login"): "ba9876543210"}
MAPS = {config: each for config, each in CONFIGS.items() if config.kind == CONFIG_MAPS}
EDITED = {**CONFIGS, Config(CONFIG_MAPS, "settings"): "000000000000"}


def test_it_carries_its_version_and_is_short():
    version, digits = revision(TEMPLATE).split("-")
    assert version == "v2"
    assert len(digits) == 12
    assert int(digits, 16) >= 0


def test_what_its_configs_hold_is_a_part_of_its_own():
    version, digits, of_configs = revision(TEMPLATE, CONFIGS).split("-")
    assert f"{version}-{digits}" == revision(TEMPLATE)
    assert len(of_configs) == 12
    assert int(of_configs, 16) >= 0


def test_it_never_changes_for_what_has_been_recorded():
    assert revision(TEMPLATE) == "v2-b3f2fc9feb24"
    assert revision(TEMPLATE, CONFIGS) == "v2-b3f2fc9feb24-a6722a79c8c7"
    assert matches("v1-b3f2fc9feb24", TEMPLATE, CONFIGS) is True


def test_the_order_of_configs_does_not_matter_and_each_of_them_does():
    assert revision(TEMPLATE, dict(reversed(CONFIGS.items()))) == revision(TEMPLATE, CONFIGS)
    renamed = {Config(config.kind, config.name + "-2"): each for config, each in CONFIGS.items()}
    moved = dict(zip(CONFIGS, reversed(CONFIGS.values()), strict=True))
    others = [revision(TEMPLATE, each) for each in (EDITED, MAPS, renamed, moved, {})]
    assert len({revision(TEMPLATE, CONFIGS), *others}) == 6


def test_a_revision_recorded_without_configs_stays_the_same_until_the_template_changes():
    other = {"spec": {"x": 1}}
    assert matches("v1-b3f2fc9feb24", TEMPLATE, CONFIGS) is True
    assert matches("v1-b3f2fc9feb24", TEMPLATE, EDITED) is True
    assert matches("v1-b3f2fc9feb24", other, CONFIGS) is False


@pytest.mark.parametrize("before", Scope)
@pytest.mark.parametrize("after", Scope)
def test_what_is_tracked_can_be_changed_at_any_time_without_a_new_revision(before, after):
    known = {config: each for config, each in CONFIGS.items() if config.kind in after.kinds}
    recorded = revision(TEMPLATE, CONFIGS, scope=before)
    assert matches(recorded, TEMPLATE, known if after.kinds else None, scope=after) is True


def test_an_edit_is_noticed_by_whoever_reads_the_kind():
    recorded = revision(TEMPLATE, CONFIGS)
    assert matches(recorded, TEMPLATE, EDITED) is False
    assert matches(recorded, TEMPLATE) is True
    assert matches(revision(TEMPLATE, CONFIGS, scope=Scope.CONFIG_MAPS), TEMPLATE, EDITED) is False


def test_configs_that_cannot_be_read_yet_are_told_from_those_that_can():
    unread = unread_revision(TEMPLATE)
    assert matches(unread, TEMPLATE) is True
    assert matches(unread, TEMPLATE, CONFIGS) is False
    assert matches(unread, TEMPLATE, {}) is False


def test_revisions_that_differ_in_configs_alone_are_told_from_others():
    first, edited = revision(TEMPLATE, CONFIGS), revision(TEMPLATE, EDITED)
    assert only_configs_differ(first, edited)
    assert only_configs_differ(first, revision(TEMPLATE))
    assert not only_configs_differ(first, first)
    assert not only_configs_differ(first, revision({"spec": {"x": 1}}, EDITED))
    assert not only_configs_differ("v1-b3f2fc9feb24", edited)
    assert configs_of(first) == first.split("-")[2]
    assert configs_of("v1-b3f2fc9feb24") == configs_of("") == ""


@given(templates)
def test_the_order_of_members_does_not_matter(template: dict[str, Any]):
    assert revision(reversed_members(template)) == revision(template)


@given(templates, empties)
def test_members_without_content_do_not_matter(template: dict[str, Any], empty: Any):
    padded = {**template, "spec": with_empties(template["spec"], empty)}
    assert revision(padded) == revision(template)


@given(templates)
def test_every_change_of_a_leaf_matters(template: dict[str, Any]):
    for changed in changes(template):
        assert revision(changed) != revision(template)


def test_the_order_of_a_list_matters():
    first, second = copy.deepcopy(TEMPLATE), copy.deepcopy(TEMPLATE)
    first["spec"]["containers"][0]["args"] = ["a", "b"]
    second["spec"]["containers"][0]["args"] = ["b", "a"]
    assert revision(first) != revision(second)


def test_what_controllers_add_to_a_template_does_not_matter():
    noted = copy.deepcopy(TEMPLATE)
    noted["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    noted["metadata"]["labels"]["pod-template-hash"] = "abc"
    assert revision(noted) == revision(TEMPLATE)
    assert "pod-template-hash" in noted["metadata"]["labels"], "what was given must not be changed"


def test_a_recorded_revision_is_compared_by_its_own_version():
    assert matches(revision(TEMPLATE), TEMPLATE) is True
    assert matches(revision({"spec": {"x": 1}}), TEMPLATE) is False


def test_nobody_can_tell_for_a_version_that_is_not_known():
    assert matches("v9-0123456789ab", TEMPLATE) is None
    assert matches("", TEMPLATE) is None
