"""Labels and annotations of `service.apex` on the VirtualService: kept, taken off again, others' left alone."""

import dataclasses

import pytest

from delivery.routing.istio import IstioRouter
from delivery.workloads.service_spec import Metadata
from delivery.workloads.written import WRITTEN
from strategies.traffic import Traffic

router = IstioRouter()


@pytest.fixture
def render(names, spec, seen, stored, apply):
    """The VirtualService with these labels and annotations of the apex, over the one that was there."""

    def after(labels, annotations, found=None):
        service = dataclasses.replace(spec.service, apex=Metadata(labels, annotations))
        given = dataclasses.replace(spec, service=service)
        changes = router.routes(names, given, Traffic(90, 10), seen(found), epoch=7)
        if found is None:
            return stored(changes[0].body)
        for change in changes:
            found = apply(found, change)
        assert router.routes(names, given, Traffic(90, 10), seen(found), epoch=7) == ()
        return found

    return after


def others(body):
    meta = body["metadata"]
    return [{key: value for key, value in meta[part].items() if "/" not in key} for part in ("labels", "annotations")]


def test_what_is_taken_out_of_the_canary_is_taken_off_the_route(render):
    found = render({"team": "books", "tier": "web"}, {"docs": "here"})
    found = render({"tier": "web"}, {}, found)
    assert others(found) == [{"tier": "web"}, {}]
    assert WRITTEN not in render({}, {}, found)["metadata"]["annotations"]


def test_what_somebody_else_put_there_stays(render):
    found = render({"team": "books"}, {})
    found["metadata"]["labels"]["argo"] = "x"
    found["metadata"]["annotations"]["note"] = "y"
    assert others(render({}, {}, found)) == [{"argo": "x"}, {"note": "y"}]


def test_a_value_changed_by_hand_is_repaired(render):
    found = render({"team": "books"}, {})
    found["metadata"]["labels"]["team"] = "hand"
    assert others(render({"team": "books"}, {}, found))[0] == {"team": "books"}


def test_our_own_labels_cannot_be_taken_away(render):
    found = render({"app.kubernetes.io/managed-by": "me"}, {})
    assert render({}, {}, found)["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "progressive-delivery"
