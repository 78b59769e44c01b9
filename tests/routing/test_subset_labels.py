"""The label that moves beside subsets: one that the apex Service does not look at and that the user's rule names."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.cluster.objects import DESTINATION_RULES, Ref
from delivery.routing.route_spec import Subsets
from delivery.routing.router import Observed
from delivery.routing.subset_labels import labelling_for
from delivery.routing.subset_problems import subset_problem
from delivery.workloads.deployment import primary_body, target_template_of
from delivery.workloads.names import Names
from delivery.workloads.selectors import (
    MOVED_LABEL,
    USUAL,
    Labelling,
    label_between,
    match_labels,
    moved_label,
    moved_label_of,
    selects,
)
from tests.routing.by_reference import spec_of

NAMES = Names(namespace="shop", canary="reviews", target="reviews-v1", apex="reviews", uid="u-1")
SPEC = spec_of(subsets=Subsets(rule="reviews", primary="v1-primary", canary="v1"))
BOOKINFO = {"app": "reviews", "version": "v1"}


def deployment(labels: dict[str, str], **pods: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "reviews-v1", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": dict(labels)},
            "template": {"metadata": {"labels": {**labels, **pods}}, "spec": {"containers": []}},
        },
    }


def observed(primary: dict[str, str], canary: dict[str, str]) -> Observed:
    subsets = [{"name": "v1-primary", "labels": primary}, {"name": "v1", "labels": canary}]
    rule = {"metadata": {"name": "reviews", "namespace": "shop"}, "spec": {"host": "reviews", "subsets": subsets}}
    return Observed({Ref(DESTINATION_RULES, "shop", "reviews"): rule})


BY_VERSION = observed({"version": "v1-primary"}, {"version": "v1"})


def service(**selector: str) -> dict[str, Any]:
    return {"metadata": {"name": "reviews"}, "spec": {"selector": selector}}


def chosen(target, *, spec=SPEC, seen=BY_VERSION, apex=None, primary=None, usual=USUAL):
    apex = service(app="reviews") if apex is None else apex
    found = labelling_for(NAMES, spec, usual, seen, target=target, primary=primary, apex=apex)
    return moved_label(match_labels(target), found.preferred)


def test_the_label_that_the_apex_service_selects_by_stays():
    assert chosen(deployment(BOOKINFO)) == "version"


def test_without_subsets_the_usual_label_moves():
    assert chosen(deployment(BOOKINFO), spec=spec_of()) == "app"
    assert labelling_for(NAMES, spec_of(), USUAL, Observed(), target=None, primary=None, apex=None) == USUAL


def test_the_usual_label_moves_where_service_and_subsets_allow_it():
    seen = observed({"app": "reviews-primary"}, {"app": "reviews"})
    assert chosen(deployment(BOOKINFO, part="reviews"), seen=seen, apex=service(part="reviews")) == "app"


def test_of_several_the_one_that_the_subsets_tell_by():
    labels = {**BOOKINFO, "color": "blue", "tier": "web"}
    assert chosen(deployment(labels)) == "version"
    assert chosen(deployment(labels), seen=observed({"tier": "web-primary"}, {"tier": "web"})) == "tier"


def test_what_the_operator_prefers_comes_first_among_those_that_do():
    seen = observed({"version": "v1-primary"}, BOOKINFO)
    assert chosen(deployment(BOOKINFO), seen=seen, usual=Labelling(preferred=("app", "tier"))) == "version"
    both = deployment({**BOOKINFO, "tier": "web"})
    assert chosen(both, seen=Observed(), usual=Labelling(preferred=("tier",))) == "tier"


def test_a_label_that_cannot_move_is_passed_over():
    target = deployment({**BOOKINFO, "color": "blue"})
    target["spec"]["selector"]["matchExpressions"] = [{"key": "color", "operator": "Exists"}]
    assert chosen(target, seen=Observed()) == "version"
    assert chosen(deployment({**BOOKINFO, "color": "b" * 60}), seen=Observed()) == "version"


def test_an_existing_primary_has_its_label_for_ever():
    """Whatever the Service and the rule say by now: its selector cannot change."""
    target = deployment(BOOKINFO)
    primary = primary_body(
        target, NAMES, revision="v1-x", replicas=1, epoch=1, annotations={}, labelling=USUAL.first("version")
    )
    seen = observed({"app": "reviews-primary"}, {"app": "reviews"})
    apex = service(part="reviews")
    assert chosen(target, seen=seen, apex=apex) == "app"
    assert chosen(target, seen=seen, apex=apex, primary=primary) == "version"
    assert chosen(target, spec=spec_of(), primary=primary) == "version"


def test_a_primary_whose_note_was_taken_off_is_still_read():
    body = primary_body(
        deployment(BOOKINFO),
        NAMES,
        revision="v1-x",
        replicas=1,
        epoch=1,
        annotations={},
        labelling=USUAL.first("version"),
    )
    assert body["metadata"]["annotations"].pop(MOVED_LABEL) == "version"
    assert moved_label_of(body) == "version"
    assert target_template_of(body)["metadata"]["labels"] == BOOKINFO


@pytest.mark.parametrize(
    ("copied", "label"),
    [
        ({"app": "reviews", "version": "v1-primary"}, "version"),
        ({"app": "reviews-primary", "version": "v1"}, "app"),
        ({"version": "v1-primary"}, "version"),
        ({"app": "reviews-primary", "version": "v1-primary"}, None),
        ({"app": "reviews", "version": "v2"}, None),
        ({"app": "reviews", "version": "v1-primary", "more": "x"}, None),
        ({"app": "reviews"}, None),
    ],
)
def test_the_label_between_a_target_and_a_primary_made_by_others(copied, label):
    assert label_between(BOOKINFO, copied) == label


KEYS = st.sampled_from(["app", "name", "app.kubernetes.io/name", "version", "tier", "zone"])
LABELS = st.dictionaries(KEYS, st.sampled_from(["reviews", "v1", "web", "x-primary"]), max_size=4)


@given(own=LABELS.filter(bool), pods=LABELS, selector=LABELS, stable=LABELS, following=LABELS, usual=KEYS)
def test_what_is_chosen_does_if_anything_does_and_is_read_back(own, pods, selector, stable, following, usual):
    """Property: nothing is refused where some label would have done, and each selector selects its own pods only."""
    target = deployment({**pods, **own})
    target["spec"]["selector"]["matchLabels"] = dict(own)
    labels = {**pods, **own}
    seen, apex = observed(stable, following), service(**selector)
    labelling = Labelling(preferred=(usual,))

    def body(which: Labelling) -> dict[str, Any]:
        return primary_body(target, NAMES, revision="v1-x", replicas=1, epoch=1, annotations={}, labelling=which)

    def problem(which: Labelling) -> Any:
        copied = body(which)["spec"]["template"]["metadata"]["labels"]
        return subset_problem(NAMES, SPEC, seen, apex=apex, canary=labels, primaries=(copied,))

    found = labelling_for(NAMES, SPEC, labelling, seen, target=target, primary=None, apex=apex)
    if any(problem(labelling.first(key)) is None for key in own):
        assert problem(found) is None
    made = body(found)
    assert moved_label_of(made) == moved_label(own, found.preferred)
    assert target_template_of(made)["metadata"]["labels"] == labels
    assert not selects(target["spec"]["selector"], made["spec"]["template"]["metadata"]["labels"])
    assert not selects(made["spec"]["selector"], labels)
