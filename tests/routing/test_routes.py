"""The VirtualService: made, stepped by two numbers, repaired where it is ours, and otherwise left as it was found."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.cluster.errors import Fenced
from delivery.cluster.memory.patching import json_patch
from delivery.cluster.memory.rejections import PatchFailedError
from delivery.cluster.objects import VIRTUAL_SERVICES, Action, Ref
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import RouteSpec
from delivery.routing.router import Observed, RouteView
from delivery.workloads.service_spec import Metadata, ServiceSpec
from strategies.traffic import Traffic

FENCE = "progressive.delivery/fence"
APPLIED = "progressive.delivery/applied"
PRIMARY = "reviews-primary.shop.svc.cluster.local"
CANARY = "reviews-canary.shop.svc.cluster.local"
OURS = "progressive-delivery"

quiet = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
router = IstioRouter()


@pytest.fixture
def render(names, spec, seen):
    """The changes for a canary weight, over the VirtualService that was observed."""

    def changes(weight, found=None, *, epoch=7, given_spec=None):
        traffic = Traffic.to_canary(weight)
        return router.routes(names, given_spec or spec, traffic, seen(found), epoch=epoch)

    return changes


@pytest.fixture
def routes(render, stored):
    """The VirtualService as we created it with this weight."""

    def at(weight, version="41"):
        return stored(render(weight)[0].body, version=version)

    return at


@pytest.fixture
def view(names, spec, seen):
    return lambda found: router.read(names, spec, seen(found))


def our_rule(body):
    return next(rule for rule in body["spec"]["http"] if rule.get("name") == OURS)


class TestMaking:
    def test_the_whole_object(self, render):
        (change,) = render(10)
        assert (change.action, change.ref) == (Action.CREATE, Ref(VIRTUAL_SERVICES, "shop", "reviews"))
        assert change.body["apiVersion"] == "networking.istio.io/v1beta1"
        assert change.body["spec"] == {
            "hosts": ["reviews.shop.svc.cluster.local"],
            "gateways": ["mesh"],
            "http": [
                {
                    "name": OURS,
                    "route": [
                        {"destination": {"host": PRIMARY}, "weight": 90},
                        {"destination": {"host": CANARY}, "weight": 10},
                    ],
                }
            ],
        }

    def test_its_metadata(self, render):
        spec = RouteSpec(service=ServiceSpec(port=80, apex=Metadata({"color": "green"}, {"note": "x"})))
        meta = render(0, given_spec=spec)[0].body["metadata"]
        assert meta["labels"] == {
            "color": "green",
            "app.kubernetes.io/managed-by": OURS,
            "progressive.delivery/canary": "reviews",
        }
        applied = meta["annotations"].pop(APPLIED)
        assert len(applied) == 16
        assert meta["annotations"] == {
            "note": "x",
            "progressive.delivery/written": "annotation/note,label/color",
            FENCE: "7",
            "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
            "helm.toolkit.fluxcd.io/driftDetection": "disabled",
        }
        assert "ownerReferences" not in meta

    @given(st.integers(0, 100))
    @quiet
    def test_weights_always_sum_to_100_and_both_roles_are_there(self, render, weight):
        route = our_rule(render(weight)[0].body)["route"]
        assert [item["destination"]["host"] for item in route] == [PRIMARY, CANARY]
        assert sum(item["weight"] for item in route) == 100


class TestStepping:
    def test_a_step_changes_two_numbers_and_notes_who_and_what(self, render, routes):
        (change,) = render(20, routes(10))
        assert {op["path"]: op["value"] for op in change.ops} == {
            "/spec/http/0/route/0/weight": 80,
            "/spec/http/0/route/1/weight": 20,
            "/metadata/annotations/progressive.delivery~1applied": change.ops[0]["value"],
        }

    def test_the_write_holds_only_for_the_object_that_was_seen(self, render, routes):
        seen = routes(10, version="41")
        (change,) = render(20, seen)
        assert change.tests == ({"op": "test", "path": "/metadata/resourceVersion", "value": "41"},)
        newer = {**seen, "metadata": {**seen["metadata"], "resourceVersion": "42"}}
        with pytest.raises(PatchFailedError):
            json_patch(newer, change.patch)

    def test_what_is_as_wanted_is_not_written_even_by_a_new_leader(self, render, routes):
        assert render(10, routes(10)) == ()
        assert render(10, routes(10), epoch=8) == ()

    def test_a_write_of_a_new_leader_carries_its_fence(self, render, routes, apply):
        found = routes(10)
        assert apply(found, render(20, found, epoch=8)[0])["metadata"]["annotations"][FENCE] == "8"

    def test_a_leader_of_the_past_finds_out(self, render, routes):
        with pytest.raises(Fenced, match="VirtualService shop/reviews carries fence 7, ours is 6"):
            render(20, routes(10), epoch=6)

    def test_a_weight_of_zero_that_the_server_left_out_is_as_wanted(self, render, routes):
        found = routes(0)
        del our_rule(found)["route"][1]["weight"]
        assert render(0, found) == ()

    @given(st.integers(0, 100), st.integers(0, 100))
    @quiet
    def test_any_step_arrives_and_is_read_back(self, render, routes, apply, view, before, after):
        found = routes(before)
        for change in render(after, found):
            found = apply(found, change)
        assert view(found) == RouteView(canary_weight=after, everybody_weight=after, applied_matches=True, fence=7)
        assert sum(item["weight"] for item in our_rule(found)["route"]) == 100
        assert render(after, found) == ()


class TestForeignFields:
    @given(
        marks=st.dictionaries(st.text(min_size=1, max_size=4), st.text(max_size=4), max_size=3),
        fields=st.dictionaries(st.sampled_from(["exportTo", "tcp", "tls"]), st.lists(st.text(max_size=3)), max_size=3),
        members=st.dictionaries(st.sampled_from(["fault", "timeout", "retries", "mirror"]), st.text(max_size=3)),
        notes=st.booleans(),
        in_front=st.lists(st.text(min_size=1, max_size=4), max_size=2),
        behind=st.lists(st.text(max_size=4), max_size=2),
        weight=st.integers(0, 100),
    )
    @quiet
    def test_all_of_them_survive_exactly(
        self, render, routes, apply, marks, fields, members, notes, in_front, behind, weight
    ):
        found = routes(10)
        found["metadata"]["labels"] |= {f"x/{key}": value for key, value in marks.items()}
        found["metadata"]["annotations"] |= {f"y/{key}": value for key, value in marks.items()}
        found["spec"] |= fields
        our_rule(found).update(members)
        if notes:
            our_rule(found)["route"][0]["headers"] = {"request": {"set": {"x": "y"}}}
        special = [{"name": f"front-{uri}", "match": [{"uri": {"exact": f"/{uri}"}}]} for uri in in_front]
        found["spec"]["http"] = [*special, *found["spec"]["http"], *({"name": f"behind-{n}"} for n in behind)]
        expected = copy.deepcopy(found)
        for change in render(weight, found):
            found = apply(found, change)
        assert render(weight, found) == ()
        our_rule(expected)["route"][0]["weight"] = 100 - weight
        our_rule(expected)["route"][1]["weight"] = weight
        expected["metadata"]["annotations"][APPLIED] = found["metadata"]["annotations"][APPLIED]
        assert found == expected

    def test_a_note_beside_a_destination_stays_when_the_list_is_repaired(self, render, routes, apply):
        found = routes(10)
        route = our_rule(found)["route"]
        route[0]["headers"] = {"request": {"set": {"x": "y"}}}
        route.append({"destination": {"host": "reviews-v3"}, "weight": 0})
        route.reverse()
        repaired = our_rule(apply(found, render(10, found)[0]))["route"]
        assert repaired == [
            {"destination": {"host": PRIMARY}, "weight": 90, "headers": {"request": {"set": {"x": "y"}}}},
            {"destination": {"host": CANARY}, "weight": 10},
        ]


class TestHandEdits:
    """Somebody changed what is ours: it can be told, and it can be repaired."""

    def check(self, found, render, apply, view, *, weight):
        assert view(found).applied_matches is False
        assert view(found).canary_weight == weight
        repaired = apply(found, render(10, found)[0])
        assert view(repaired) == RouteView(canary_weight=10, everybody_weight=10, applied_matches=True, fence=7)
        assert render(10, repaired) == ()
        return repaired

    def test_weights(self, render, routes, apply, view):
        found = routes(10)
        our_rule(found)["route"][0]["weight"] = 100
        our_rule(found)["route"][1]["weight"] = 0
        self.check(found, render, apply, view, weight=0)

    def test_a_destination_taken_out(self, render, routes, apply, view):
        found = routes(10)
        our_rule(found)["route"] = [{"destination": {"host": "reviews-canary"}}]
        self.check(found, render, apply, view, weight=100)

    def test_a_subset_put_in(self, render, routes, apply, view):
        found = routes(10)
        our_rule(found)["route"][1]["destination"]["subset"] = "v2"
        self.check(found, render, apply, view, weight=10)

    @pytest.mark.parametrize(("field", "value"), [("hosts", ["other"]), ("gateways", ["mesh", "edge"]), ("hosts", [])])
    def test_hosts_and_gateways(self, render, routes, apply, view, field, value):
        found = routes(10)
        found["spec"][field] = value
        self.check(found, render, apply, view, weight=10)

    def test_a_condition_on_our_rule(self, render, routes, apply, view):
        found = routes(10)
        our_rule(found)["match"] = [{"headers": {"user": {"exact": "me"}}}]
        assert "match" not in our_rule(self.check(found, render, apply, view, weight=10))

    def test_our_rule_taken_out(self, render, routes, apply, view):
        found = routes(10)
        found["spec"]["http"] = []
        self.check(found, render, apply, view, weight=None)
        del found["spec"]["http"]
        self.check(found, render, apply, view, weight=None)

    def test_our_rule_renamed_is_replaced_in_front_of_it(self, render, routes, apply, view):
        found = routes(10)
        special = {"name": "special", "match": [{"uri": {"exact": "/x"}}], "route": []}
        found["spec"]["http"][0]["name"] = "mine-now"
        found["spec"]["http"].insert(0, special)
        repaired = self.check(found, render, apply, view, weight=10)
        assert [rule["name"] for rule in repaired["spec"]["http"]] == ["special", OURS, "mine-now"]

    @pytest.mark.parametrize("match", [None, [], [{}], [{"name": "all", "uri": {"prefix": "/"}}]])
    def test_a_rule_for_everybody_put_in_front_is_moved_behind_ours(self, render, routes, apply, view, match):
        found = routes(10)
        maintenance = {"name": "maintenance", "route": [{"destination": {"host": "reviews-primary"}}]}
        if match is not None:
            maintenance["match"] = match
        found["spec"]["http"].insert(0, maintenance)
        repaired = self.check(found, render, apply, view, weight=0)
        assert repaired["spec"]["http"] == [our_rule(repaired), maintenance]

    def test_our_label_taken_off_is_put_back(self, render, routes, apply):
        found = routes(10)
        found["metadata"]["labels"] = {"theirs": "stays"}
        repaired = apply(found, render(10, found)[0])
        assert repaired["metadata"]["labels"]["progressive.delivery/canary"] == "reviews"
        assert repaired["metadata"]["labels"]["theirs"] == "stays"

    def test_all_metadata_taken_off_is_put_back(self, render, routes, apply, view):
        found = routes(10)
        del found["metadata"]["labels"], found["metadata"]["annotations"]
        repaired = apply(found, render(10, found)[0])
        assert repaired["metadata"] == {**routes(10)["metadata"]}
        assert view(repaired).applied_matches

    def test_no_foreign_mark_looks_like_a_hand_edit(self, routes, view):
        found = routes(10)
        found["metadata"]["labels"]["argocd.argoproj.io/instance"] = "x"
        our_rule(found)["timeout"] = "3s"
        found["spec"]["http"].append({"name": "later"})
        assert view(found).applied_matches


class TestReading:
    def test_no_routes(self, view):
        assert view(None) == RouteView()

    def test_a_lone_destination_gets_everything(self, routes, view):
        found = routes(10)
        our_rule(found)["route"] = [{"destination": {"host": PRIMARY}}]
        assert view(found).canary_weight == 0
        our_rule(found)["route"] = [{"destination": {"host": CANARY}, "weight": 0}]
        assert view(found).canary_weight == 100

    def test_a_fence_that_is_no_number_is_none(self, routes, view):
        found = routes(10)
        for text in ("", "seven", "-3", "1.5"):
            found["metadata"]["annotations"][FENCE] = text
            assert view(found).fence == 0

    def test_who_else_wrote_the_spec_last(self, routes, view):
        found = routes(10)
        found["metadata"]["managedFields"] = [
            {"manager": "argocd", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {}}},
            {"manager": "kubectl-edit", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": {}}},
            {"manager": OURS, "time": "2026-01-04T00:00:00Z", "fieldsV1": {"f:spec": {}}},
            {"manager": "labeller", "time": "2026-01-03T00:00:00Z", "fieldsV1": {"f:metadata": {}}},
        ]
        assert view(found).managers == ("kubectl-edit", "argocd")

    def test_who_else_wrote_when_the_sets_of_fields_are_not_kept(self, routes, view):
        found = routes(10)
        found["metadata"]["managedFields"] = [
            {"manager": OURS, "time": "2026-01-04T00:00:00Z"},
            {"manager": "argocd", "time": "2026-01-01T00:00:00Z"},
            {"manager": "istiod", "time": "2026-01-05T00:00:00Z", "subresource": "status"},
        ]
        assert view(found).managers == ("argocd",)


class TestFencing:
    def test_taking_over_writes_the_fence_of_every_object_and_nothing_else(
        self, routes, names, spec, stored, apply, seen
    ):
        primary, canary = (stored(c.body) for c in router.destinations(names, spec, Observed(), epoch=7))
        route = routes(10)
        changes = router.refence(names, spec, seen(route, primary, canary), epoch=8)
        assert [change.ref.kind.kind for change in changes] == ["VirtualService", "DestinationRule", "DestinationRule"]
        for change, body in zip(changes, (route, primary, canary), strict=True):
            assert change.tests[0]["path"] == "/metadata/resourceVersion"
            after = apply(body, change)
            assert after["metadata"]["annotations"].pop(FENCE) == "8"
            body["metadata"]["annotations"].pop(FENCE)
            assert after == body

    def test_what_is_taken_over_is_not_taken_over_again(self, routes, names, spec, seen):
        assert router.refence(names, spec, seen(routes(10)), epoch=7) == ()
        assert router.refence(names, spec, Observed(), epoch=7) == ()

    def test_a_higher_fence_stops_it(self, routes, names, spec, seen):
        with pytest.raises(Fenced):
            router.refence(names, spec, seen(routes(10)), epoch=6)
