"""Without a mesh the apex Service's selector is the route: it leads everybody to one role; nothing else is ours."""

import copy

import pytest

from delivery.cluster.errors import Fenced
from delivery.cluster.memory.patching import json_patch
from delivery.cluster.memory.rejections import PatchFailedError
from delivery.cluster.objects import SERVICES, Action, Ref
from delivery.routing.kubernetes import KubernetesRouter
from delivery.routing.router import Observed, RouteView
from delivery.workloads.ownership import FENCE, ORIGINAL_SELECTOR, owner_labels
from strategies.traffic import Traffic

APEX = Ref(SERVICES, "shop", "reviews")
CANARY = {"app": "reviews", "tier": "web"}
PRIMARY = {"app": "reviews-primary", "tier": "web"}
router = KubernetesRouter()


def theirs(selector=None, **spec):
    """The Service as its users made it."""
    port = {"name": "http", "port": 9080, "targetPort": 9080, "protocol": "TCP", "nodePort": 30001}
    return {
        "metadata": {
            "name": "reviews",
            "namespace": "shop",
            "uid": "s-1",
            "resourceVersion": "41",
            "labels": {"team": "books"},
        },
        "spec": {
            "clusterIP": "10.0.0.7",
            "ports": [port],
            "selector": {"app": "reviews"} if selector is None else selector,
            **spec,
        },
    }


@pytest.fixture
def seen():
    def observed(apex, **known):
        return Observed.of([(APEX, apex)], **{"primary": PRIMARY, "canary": CANARY, **known})

    return observed


@pytest.fixture
def render(names, spec, seen):
    def changes(weight, apex, *, epoch=7):
        return router.routes(names, spec, Traffic.to_canary(weight), seen(apex), epoch=epoch)

    return changes


@pytest.fixture
def moved(render, apply):
    """The user's Service after we gave it to a role."""

    def at(weight, apex=None):
        apex = theirs() if apex is None else apex
        (change,) = render(weight, apex)
        return apply(apex, change)

    return at


@pytest.fixture
def view(names, spec, seen):
    return lambda apex: router.read(names, spec, seen(apex))


class TestWriting:
    @pytest.mark.parametrize(("weight", "selector"), [(0, PRIMARY), (100, CANARY)])
    def test_the_selector_moves_and_everything_else_stays(self, moved, weight, selector):
        before = theirs(sessionAffinity="ClientIP", externalTrafficPolicy="Local")
        after = moved(weight, copy.deepcopy(before))
        assert after["spec"] == {**before["spec"], "selector": selector}
        assert after["metadata"]["labels"] == {"team": "books"}

    def test_what_it_selected_before_us_is_recorded_once(self, moved, render, apply):
        first = moved(0)
        assert first["metadata"]["annotations"][ORIGINAL_SELECTOR] == '{"app":"reviews"}'
        (change,) = render(100, first)
        assert apply(first, change)["metadata"]["annotations"][ORIGINAL_SELECTOR] == '{"app":"reviews"}'

    @pytest.mark.parametrize("weight", [0, 100])
    def test_what_is_there_as_wanted_is_not_written(self, render, moved, weight):
        assert render(weight, moved(weight), epoch=9) == ()

    def test_a_service_that_is_not_there_is_made_for_the_wanted_role(self, render, names):
        (change,) = render(100, None)
        assert (change.action, change.ref) == (Action.CREATE, APEX)
        assert change.body["spec"]["selector"] == CANARY
        assert change.body["metadata"]["labels"].items() >= owner_labels(names).items()

    @pytest.mark.parametrize("weight", [1, 50, 99])
    def test_what_cannot_be_split_stays_with_the_primary(self, moved, weight):
        """A weight that was recorded under another provider sends nobody to pods that may not carry everybody."""
        assert moved(weight)["spec"]["selector"] == PRIMARY

    def test_requests_that_match_cannot_be_told_apart_so_nobody_goes(self, names, spec, seen):
        (change,) = router.routes(names, spec, Traffic.to_canary(100, matched=True), seen(theirs()), epoch=7)
        assert json_patch(theirs(), change.patch)["spec"]["selector"] == PRIMARY

    def test_while_nobody_knows_a_roles_labels_nothing_is_written(self, names, spec, seen):
        observed = seen(theirs(), primary={}, canary={})
        assert router.routes(names, spec, Traffic.to_canary(0), observed, epoch=7) == ()

    def test_the_write_holds_only_for_the_service_that_was_decided_on(self, render):
        (change,) = render(0, theirs())
        later = theirs()
        later["metadata"]["resourceVersion"] = "42"
        with pytest.raises(PatchFailedError):
            json_patch(later, change.patch)

    def test_a_later_leaders_service_is_not_touched(self, names, spec, seen, render, moved):
        apex = moved(0)
        apex["metadata"]["annotations"][FENCE] = "8"
        with pytest.raises(Fenced):
            render(100, apex)
        with pytest.raises(Fenced):
            router.refence(names, spec, seen(apex), epoch=7)

    def test_a_fence_alone_changes_nothing_else(self, names, spec, seen, moved, apply):
        apex = moved(100)
        (change,) = router.refence(names, spec, seen(apex), epoch=9)
        after = apply(apex, change)
        assert after["metadata"]["annotations"][FENCE] == "9"
        assert after["spec"] == apex["spec"]


class TestReading:
    @pytest.mark.parametrize("weight", [0, 100])
    def test_what_was_written_is_read(self, view, moved, weight):
        assert view(moved(weight)) == RouteView(canary_weight=weight, everybody_weight=weight, fence=7)

    def test_a_service_that_was_not_taken_over_yet_is_no_route(self, view):
        """Else an initialisation would believe that users were with a canary already."""
        assert view(theirs()) == RouteView()

    def test_no_service_is_no_route(self, view):
        assert view(None) == RouteView()

    @pytest.mark.parametrize("selector", [{}, None, {"app": "ratings"}, {"tier": "web"}, {**CANARY, "version": "v2"}])
    def test_a_selector_of_neither_role_or_of_both_is_no_route(self, view, moved, selector):
        apex = moved(0)
        apex["spec"]["selector"] = selector
        found = view(apex)
        assert (found.canary_weight, found.applied_matches) == (None, False)

    @pytest.mark.parametrize(("selector", "weight"), [({"app": "reviews"}, 100), ({"app": "reviews-primary"}, 0)])
    def test_a_hand_edit_is_told_and_read(self, view, moved, render, selector, weight):
        apex = moved(100 - weight)
        apex["spec"]["selector"] = selector
        apex["metadata"]["managedFields"] = [
            {"manager": "progressive-delivery", "time": "2026-01-01T00:00:00Z"},
            {"manager": "kubectl-edit", "time": "2026-01-01T00:00:01Z"},
        ]
        found = view(apex)
        assert (found.canary_weight, found.applied_matches, found.managers) == (weight, False, ("kubectl-edit",))

    def test_a_selector_set_by_hand_is_repaired_as_a_whole(self, moved, render, apply):
        apex = moved(0)
        apex["spec"]["selector"] = {**CANARY, "extra": "label"}
        (change,) = render(0, apex)
        assert apply(apex, change)["spec"]["selector"] == PRIMARY


class TestTheRest:
    def test_it_owns_the_apex_and_makes_nothing_besides(self, names, spec, seen):
        assert router.moves_apex
        assert router.route_refs(names, spec) == (APEX,)
        assert router.destination_refs(names, spec) == router.created_refs(names, spec) == ()
        assert router.destinations(names, spec, seen(theirs()), epoch=7) == ()

    def test_it_needs_no_kind_of_a_mesh(self):
        assert router.kinds == (SERVICES,)
