"""Strategic merge patches on built-in kinds. tests/cluster/schemas compares more of them with a real API server."""

from typing import Any

import pytest

from delivery.cluster import objects
from delivery.cluster.memory.rejections import BadRequestError
from delivery.sandbox.schemas import strategic

DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "x", "finalizers": ["a/a", "b/b"]},
    "spec": {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
        "template": {
            "spec": {
                "containers": [{"name": "a", "image": "a:1", "args": ["1", "2"]}, {"name": "b", "image": "b:1"}],
                "tolerations": [{"key": "k"}],
            }
        },
    },
}


def patched(patch: Any) -> dict[str, Any]:
    """The Deployment with a patch."""
    return strategic.apply(objects.DEPLOYMENTS, DEPLOYMENT, patch)


def containers(*items: Any, **directives: Any) -> list[Any]:
    """Its containers with a patch of them."""
    spec = {"containers": list(items), **directives} if items else directives
    found: list[Any] = patched({"spec": {"template": {"spec": spec}}})["spec"]["template"]["spec"]["containers"]
    return found


def test_containers_are_joined_by_name_and_arguments_are_replaced() -> None:
    changed, other = containers({"name": "a", "image": "a:2", "args": ["3"]})

    assert changed == {"name": "a", "image": "a:2", "args": ["3"]}
    assert other == {"name": "b", "image": "b:1"}


def test_what_was_patched_stays_as_it_was() -> None:
    containers({"name": "a", "image": "a:2"}, {"name": "c", "image": "c:1"})

    assert DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]["image"] == "a:1"
    assert len(DEPLOYMENT["spec"]["template"]["spec"]["containers"]) == 2


def test_a_container_is_deleted_by_directive() -> None:
    assert [each["name"] for each in containers({"name": "a", "$patch": "delete"})] == ["b"]


def test_a_list_is_replaced_by_directive() -> None:
    assert containers({"$patch": "replace"}, {"name": "z", "image": "z:1"}) == [{"name": "z", "image": "z:1"}]


def test_an_order_is_kept() -> None:
    order = {"$setElementOrder/containers": [{"name": "c"}, {"name": "b"}, {"name": "a"}]}

    found = containers({"name": "c", "image": "c:1"}, **order)

    assert [each["name"] for each in found] == ["c", "b", "a"]


def test_a_list_without_a_key_is_replaced() -> None:
    spec = patched({"spec": {"template": {"spec": {"tolerations": [{"key": "l"}]}}}})["spec"]["template"]["spec"]

    assert spec["tolerations"] == [{"key": "l"}]


def test_members_that_are_not_retained_go() -> None:
    spec = patched({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}})["spec"]

    assert spec["strategy"] == {"type": "Recreate"}


def test_scalars_are_joined_as_a_set_and_taken_out_by_directive() -> None:
    assert set(patched({"metadata": {"finalizers": ["c/c", "a/a"]}})["metadata"]["finalizers"]) == {"a/a", "b/b", "c/c"}
    gone = patched({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/a"]}})
    assert gone["metadata"]["finalizers"] == ["b/b"]


def test_null_removes() -> None:
    assert "strategy" not in patched({"spec": {"strategy": None}})["spec"]


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        ([1], "an object is needed"),
        ({"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}}, "merge key: name"),
        ({"spec": {"$patch": "mangle"}}, "one of replace, delete, merge"),
        ({"spec": {"strategy": {"$retainKeys": ["type"], "rollingUpdate": {}}}}, "does not name rollingUpdate"),
        ({"spec": {"$setElementOrder/x": 1}}, "a list is needed"),
    ],
)
def test_a_patch_that_makes_no_sense_is_refused(patch: Any, says: str) -> None:
    with pytest.raises(BadRequestError, match=says):
        patched(patch)


def test_a_custom_kind_has_no_strategy() -> None:
    with pytest.raises(strategic.UnsupportedMediaTypeError) as refused:
        strategic.apply(objects.CANARIES, {"metadata": {}}, {})

    assert refused.value.status["code"] == 415
    assert "application/merge-patch+json" in refused.value.message
