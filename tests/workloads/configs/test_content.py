"""What makes two contents differ, and what a digest does not tell."""

import copy

import pytest

from delivery.cluster.objects import CONFIG_MAPS, SECRETS
from delivery.workloads.configs.content import combined, digest, is_tracked, opted_out, recalled
from delivery.workloads.configs.references import Config

BODY = {
    "metadata": {"name": "settings", "uid": "u-1", "resourceVersion": "7"},
    "data": {"a": "1", "b": "2"},
    "binaryData": {"c": "AAA="},
}
ASKED = {"canary": "reviews", "salt": "s"}


def changed(**fields):
    return {**copy.deepcopy(BODY), **fields}


@pytest.mark.parametrize(
    "other",
    [
        changed(data={"b": "2", "a": "1"}),
        changed(immutable=True),
        changed(metadata={"name": "settings", "uid": "u-2", "annotations": {"x": "y"}}),
        changed(stringData={}),
    ],
    ids=["the order of keys", "immutable", "metadata", "an empty member"],
)
def test_what_is_no_content_makes_no_difference(other):
    assert digest(other, **ASKED) == digest(BODY, **ASKED)


@pytest.mark.parametrize(
    "other",
    [
        changed(data={"a": "1", "b": "3"}),
        changed(data={"a": "1"}),
        changed(binaryData={"c": "AAE="}),
        changed(binaryData={}),
        changed(data={"a": "1", "b": "2", "c": "AAA="}, binaryData={}),
        changed(type="kubernetes.io/tls"),
        changed(metadata={"name": "other"}),
    ],
    ids=["a value", "a key", "binary data", "no binary data", "moved", "the type", "the name"],
)
def test_what_is_content_makes_one(other):
    assert digest(other, **ASKED) != digest(BODY, **ASKED)


def test_equal_contents_of_two_canaries_have_two_copies():
    assert digest(BODY, canary="other", salt="s") != digest(BODY, **ASKED)


def test_who_does_not_know_the_key_cannot_try_all_passwords():
    pins = (changed(data={"pin": str(pin)}) for pin in range(1000))
    wanted = digest(changed(data={"pin": "42"}), canary="reviews", salt="a-uid-that-only-readers-know")
    assert wanted not in {digest(each, canary="reviews", salt=guess) for each in pins for guess in ("", "u-1")}


def test_empty_and_absent_data_are_the_same():
    bare = {"metadata": BODY["metadata"]}
    assert digest({**bare, "data": {}, "binaryData": None}, **ASKED) == digest(bare, **ASKED)


@pytest.mark.parametrize(
    ("kind", "type_", "tracked"),
    [
        (CONFIG_MAPS, None, True),
        (SECRETS, None, True),
        (SECRETS, "Opaque", True),
        (SECRETS, "kubernetes.io/basic-auth", True),
        (SECRETS, "kubernetes.io/ssh-auth", True),
        (SECRETS, "kubernetes.io/tls", True),
        (SECRETS, "kubernetes.io/dockerconfigjson", False),
        (SECRETS, "kubernetes.io/service-account-token", False),
        (SECRETS, "helm.sh/release.v1", False),
    ],
)
def test_secrets_are_tracked_by_type(kind, type_, tracked):
    assert is_tracked(kind, {"metadata": {"name": "x"}, "type": type_}) is tracked


@pytest.mark.parametrize("name", ["progressive.delivery/config-tracking", "flagger.app/config-tracking"])
@pytest.mark.parametrize(("value", "out"), [("disabled", True), ("disable", True), ("enabled", False), ("", False)])
def test_people_opt_out_by_annotation(name, value, out):
    assert opted_out({"metadata": {"annotations": {name: value}}}) is out
    assert not opted_out({"metadata": {}})


A, B, C = (Config(CONFIG_MAPS, name) for name in "abc")


def test_what_a_revision_was_made_of_is_found_again():
    candidates = {A: ["1", "2"], B: ["3"], C: ["4", "5"]}
    assert recalled(combined({A: "2", B: "3", C: "4"}), candidates) == {A: "2", B: "3", C: "4"}
    assert recalled(combined({A: "2", B: "3", C: "6"}), candidates) is None
    assert recalled(combined({A: "1", C: "5"}), {A: ["1"], B: ["3"], C: ["4", "5"]}) == {A: "1", C: "5"}
    assert recalled(combined({A: "1"}), {A: ["1"], B: []}) == {A: "1"}


def test_too_many_combinations_are_not_tried():
    many = {Config(CONFIG_MAPS, str(number)): ["1", "2", "3"] for number in range(20)}
    assert recalled(combined(dict.fromkeys(many, "1")), many) is None
