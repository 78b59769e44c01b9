"""Copies of configs: named by what they hold, put into the primary's template and found again from it."""

import copy

import pytest

from delivery.cluster.errors import Fenced
from delivery.cluster.objects import CONFIG_MAPS, SECRETS, Action
from delivery.workloads.configs import copies
from delivery.workloads.configs.content import digest
from delivery.workloads.configs.references import Config, references
from delivery.workloads.names import Names

NAMES = Names(namespace="shop", canary="reviews", target="reviews", apex="reviews")
SETTINGS, LOGIN = Config(CONFIG_MAPS, "settings"), Config(SECRETS, "login")
DIGESTS = {SETTINGS: "0123456789ab", LOGIN: "ba9876543210"}
TEMPLATE = {
    "metadata": {"labels": {"app": "reviews"}},
    "spec": {
        "containers": [{"name": "app", "envFrom": [{"secretRef": {"name": "login"}}]}],
        "volumes": [{"name": "v", "configMap": {"name": "settings"}}, {"name": "w", "configMap": {"name": "free"}}],
    },
}
SECRET = {
    "metadata": {
        "name": "login",
        "namespace": "shop",
        "uid": "u-1",
        "labels": {"argocd.argoproj.io/instance": "shop"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        "ownerReferences": [{"uid": "u-9"}],
    },
    "data": {"a": "AAA="},
    "type": "kubernetes.io/tls",
    "immutable": True,
}


def made(config=LOGIN, body=SECRET, **changes):
    change = copies.copy_change(config, body, NAMES, salt="u-1", epoch=4)
    stored = copy.deepcopy(dict(change.body))
    stored["metadata"] |= {"resourceVersion": "9", **changes}
    return stored


def test_a_copy_has_the_content_and_nothing_else_of_its_source():
    change = copies.copy_change(LOGIN, SECRET, NAMES, salt="u-1", epoch=4)
    name = "login-primary-" + digest(SECRET, canary="reviews", salt="u-1")
    assert (change.action, change.ref.name, change.ref.namespace) == (Action.CREATE, name, "shop")
    assert {key: change.body[key] for key in ("data", "type", "immutable", "kind")} == {
        "data": {"a": "AAA="},
        "type": "kubernetes.io/tls",
        "immutable": True,
        "kind": "Secret",
    }
    assert change.body["metadata"] == {
        "name": name,
        "namespace": "shop",
        "labels": {"app.kubernetes.io/managed-by": "progressive-delivery", "progressive.delivery/canary": "reviews"},
        "annotations": {
            "progressive.delivery/config": "login",
            "progressive.delivery/salt": "u-1",
            "progressive.delivery/fence": "4",
        },
    }
    assert "AAA=" not in change.why + str(change.ref)


def test_a_config_maps_copy_has_no_key():
    body = {"metadata": {"name": "settings"}, "data": {"a": "b"}, "binaryData": {"c": "AAA="}}
    change = copies.copy_change(SETTINGS, body, NAMES, salt="", epoch=4)
    assert "progressive.delivery/salt" not in change.body["metadata"]["annotations"]
    assert change.body["binaryData"] == {"c": "AAA="}


def test_long_names_are_cut_and_stay_apart():
    long = Config(CONFIG_MAPS, "a" * 240 + ".b" + "c" * 11)
    name = copies.copy_name(long, "0123456789ab")
    assert len(name) <= 253
    assert name.endswith("-primary-0123456789ab")
    dotted = Config(CONFIG_MAPS, "a" * 231 + "." + "c" * 21)
    assert ".-primary" not in copies.copy_name(dotted, "0123456789ab")
    assert copies.digest_of_name(name) == "0123456789ab"


def test_the_primary_names_copies_and_the_way_back_is_noted_on_it():
    template = copies.for_primary(TEMPLATE, DIGESTS)
    assert {config.name for config in references(template)} == {
        "settings-primary-0123456789ab",
        "login-primary-ba9876543210",
        "free",
    }
    noted = {copies.CONFIGS: copies.copies_noted(DIGESTS)}
    primary = {"metadata": {"annotations": noted}, "spec": {"template": template, "replicas": 2}}
    assert copies.restored(primary)["spec"] == {"template": TEMPLATE, "replicas": 2}
    assert copies.primary_digests(primary) == DIGESTS


@pytest.mark.parametrize("note", [None, "", "no json", "[]", '{"x": 1}', '{"Pod/x": "y"}'])
def test_a_note_that_says_nothing_changes_nothing(note):
    annotations = {} if note is None else {copies.CONFIGS: note}
    primary = {"metadata": {"annotations": annotations}, "spec": {"template": TEMPLATE}}
    assert copies.restored(primary) is primary
    assert copies.primary_digests(primary) == {}


def test_only_our_own_copies_that_nobody_needs_are_collected_and_on_what_was_seen():
    other = Names(namespace="shop", canary="ratings", target="ratings", apex="ratings")
    needed = made()
    stale = made(body={**SECRET, "data": {"a": "AAE="}})
    theirs = copy.deepcopy(dict(copies.copy_change(LOGIN, SECRET, other, salt="u-1", epoch=4).body))
    kept = {LOGIN: copies.digest_of_name(needed["metadata"]["name"])}
    found = copies.collect_changes([(SECRETS, each) for each in (needed, stale, theirs)], NAMES, kept, 4)
    assert [(each.action, each.ref.name, each.version) for each in found] == [
        (Action.DELETE, stale["metadata"]["name"], "9")
    ]


def test_a_copy_that_a_later_leader_has_touched_is_not_ours_to_collect():
    stale = made()
    stale["metadata"]["annotations"]["progressive.delivery/fence"] = "5"
    with pytest.raises(Fenced):
        copies.collect_changes([(SECRETS, stale)], NAMES, {}, 4)
