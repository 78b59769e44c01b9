"""The three Services: ours are made and repaired, a user's apex keeps everything but its selector."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.cluster.errors import Fenced
from delivery.cluster.memory.patching import json_patch
from delivery.cluster.memory.rejections import PatchFailedError
from delivery.cluster.objects import Action
from delivery.workloads.service_problems import port_problem
from delivery.workloads.service_spec import Metadata, ServiceSpec
from delivery.workloads.services import apex_service, original_annotations, role_services

CANARY = {"app": "reviews", "tier": "web"}
PRIMARY = {"app": "reviews-primary", "tier": "web"}
ORIGINAL = "progressive.delivery/original-selector"
FENCE = "progressive.delivery/fence"


@pytest.fixture
def users_apex():
    return {
        "metadata": {
            "name": "reviews",
            "namespace": "shop",
            "resourceVersion": "500",
            "labels": {"app": "reviews"},
            "annotations": {"team": "books"},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.0.0.7",
            "selector": {"app": "reviews"},
            "ports": [{"name": "web", "port": 9080, "targetPort": 9080, "protocol": "TCP"}],
        },
    }


def roles(names, spec, *, canary=None, primary=None, apex=None, epoch=7):
    return role_services(
        names,
        spec,
        canary_selector=CANARY,
        primary_selector=PRIMARY,
        canary=canary,
        primary=primary,
        apex=apex,
        epoch=epoch,
    )


def move(names, spec, apex, epoch=7):
    return apex_service(names, spec, selector=PRIMARY, apex=apex, epoch=epoch)


class TestOurServices:
    def test_each_role_gets_one_that_selects_its_pods(self, names, spec):
        canary, primary = roles(names, spec)
        assert (canary.action, canary.ref.name) == (Action.CREATE, "reviews-canary")
        assert canary.body["spec"] == {
            "selector": CANARY,
            "ports": [{"name": "http", "port": 9080, "targetPort": 9080, "protocol": "TCP"}],
        }
        assert primary.body["metadata"]["name"] == "reviews-primary"
        assert primary.body["spec"]["selector"] == PRIMARY

    def test_they_carry_whose_they_are_and_no_owner_reference(self, names, spec):
        meta = roles(names, spec)[0].body["metadata"]
        assert meta["labels"] == {
            "app.kubernetes.io/managed-by": "progressive-delivery",
            "progressive.delivery/canary": "reviews",
        }
        assert meta["annotations"] == {FENCE: "7"}
        assert "ownerReferences" not in meta

    def test_ports_and_metadata_are_as_the_canary_says(self, names):
        spec = ServiceSpec(
            port=80,
            port_name="grpc",
            target_port="main",
            app_protocol="grpc",
            canary=Metadata({"color": "green", "app.kubernetes.io/managed-by": "me"}, {"note": "x"}),
        )
        body = roles(names, spec)[0].body
        assert body["spec"]["ports"] == [
            {"name": "grpc", "port": 80, "targetPort": "main", "protocol": "TCP", "appProtocol": "grpc"}
        ]
        assert body["metadata"]["labels"]["color"] == "green"
        assert body["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "progressive-delivery"
        assert body["metadata"]["annotations"]["note"] == "x"

    def test_further_ports_of_the_users_service_are_offered_too(self, names, spec, users_apex):
        admin = {"name": "admin", "port": 9090, "targetPort": "admin", "protocol": "TCP"}
        users_apex["spec"]["ports"].append({**admin, "nodePort": 30001})
        assert roles(names, spec, apex=users_apex)[0].body["spec"]["ports"][1:] == [admin]

    def test_what_is_there_as_wanted_is_not_written(self, names, spec, stored):
        canary, primary = (stored(change.body) for change in roles(names, spec))
        assert roles(names, spec, canary=canary, primary=primary, epoch=8) == ()

    def test_a_selector_changed_by_hand_is_repaired_as_a_whole(self, names, spec, stored, apply, tested):
        canary, primary = (stored(change.body, version="77") for change in roles(names, spec))
        canary["spec"]["selector"]["extra"] = "label"
        (change,) = roles(names, spec, canary=canary, primary=primary, epoch=8)
        assert tested(change, "metadata", "resourceVersion") == "77"
        after = apply(canary, change)
        assert after["spec"]["selector"] == CANARY
        assert after["metadata"]["annotations"][FENCE] == "8"

    def test_a_changed_port_changes_the_port_and_keeps_its_node_port(self, names, spec, stored, apply):
        canary, primary = (stored(change.body) for change in roles(names, spec))
        canary["spec"]["ports"][0] |= {"nodePort": 30000, "appProtocol": "http2"}
        changed = ServiceSpec(port=80, target_port=9080)
        change, _ = roles(names, changed, canary=canary, primary=primary)
        assert apply(canary, change)["spec"]["ports"] == [
            {"name": "http", "port": 80, "targetPort": 9080, "protocol": "TCP", "nodePort": 30000}
        ]

    def test_a_later_leaders_service_is_not_touched(self, names, spec, stored):
        canary, primary = (stored(change.body) for change in roles(names, spec, epoch=8))
        with pytest.raises(Fenced):
            roles(names, spec, canary=canary, primary=primary, epoch=7)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
    @given(
        labels=st.dictionaries(st.text(min_size=1, max_size=4), st.text(max_size=4), max_size=3),
        fields=st.dictionaries(
            st.sampled_from(["sessionAffinity", "trafficDistribution", "type"]), st.text(max_size=5), max_size=3
        ),
        ports=st.lists(st.integers(1, 9000), unique=True, max_size=3),
        broken=st.booleans(),
    )
    def test_what_others_added_survives(self, names, spec, stored, apply, labels, fields, ports, broken):
        found = stored(roles(names, spec)[0].body)
        found["metadata"]["labels"] |= {f"x/{key}": value for key, value in labels.items()}
        found["metadata"]["annotations"] |= {f"y/{key}": value for key, value in labels.items()}
        found["spec"] |= fields
        found["spec"]["ports"] = [{"name": f"p{port}", "port": port} for port in ports] + found["spec"]["ports"]
        expected = copy.deepcopy(found)
        if broken:
            found["spec"]["selector"] = {"app": "wrong"}
            found["spec"]["ports"][-1]["targetPort"] = 1
        primary = stored(roles(names, spec)[1].body)
        changes = roles(names, spec, canary=found, primary=primary)
        assert len(changes) == broken
        after = apply(found, changes[0]) if changes else found
        assert after == expected
        assert roles(names, spec, canary=after, primary=primary) == ()


class TestApex:
    def test_without_one_it_is_made_and_selects_the_primary(self, names):
        change = move(names, ServiceSpec(port=9080, apex=Metadata({"a": "b"}, {})), None)
        assert change.action is Action.CREATE
        assert change.body["spec"]["selector"] == PRIMARY
        assert change.body["metadata"]["labels"]["a"] == "b"
        assert change.body["metadata"]["labels"]["progressive.delivery/canary"] == "reviews"

    def test_ours_is_repaired_like_the_others(self, names, spec, stored, apply):
        found = stored(move(names, spec, None).body)
        assert move(names, spec, found) is None
        found["spec"]["selector"] = CANARY
        assert apply(found, move(names, spec, found))["spec"]["selector"] == PRIMARY

    def test_of_a_users_service_only_the_selector_moves(self, names, spec, users_apex, apply, tested):
        users_apex["spec"]["ports"].append({"name": "admin", "port": 9090})
        change = move(names, spec, users_apex)
        assert tested(change, "metadata", "resourceVersion") == "500"
        after = apply(users_apex, change)
        assert after["spec"].pop("selector") == PRIMARY
        users_apex["spec"].pop("selector")
        assert after["spec"] == users_apex["spec"]
        assert after["metadata"]["labels"] == users_apex["metadata"]["labels"]
        assert after["metadata"]["annotations"] == {"team": "books", FENCE: "7", ORIGINAL: '{"app":"reviews"}'}

    def test_it_moves_once(self, names, spec, users_apex, apply):
        after = apply(users_apex, move(names, spec, users_apex))
        assert move(names, spec, after, epoch=8) is None

    def test_a_service_without_annotations_can_be_moved(self, names, spec, users_apex, apply):
        del users_apex["metadata"]["annotations"]
        assert apply(users_apex, move(names, spec, users_apex))["metadata"]["annotations"][FENCE] == "7"

    def test_the_write_holds_only_for_the_service_that_was_seen(self, names, spec, users_apex):
        change = move(names, spec, users_apex)
        users_apex["metadata"]["resourceVersion"] = "501"
        with pytest.raises(PatchFailedError):
            json_patch(users_apex, change.patch)


class TestOriginals:
    def test_the_users_selector_and_routes_are_recorded(self, names, users_apex):
        routes = {"metadata": {"name": "reviews"}, "spec": {"hosts": ["reviews"]}}
        noted = original_annotations(users_apex, routes, names)
        assert json.loads(noted[ORIGINAL]) == {"app": "reviews"}
        assert json.loads(noted["progressive.delivery/original-routes"]) == {"hosts": ["reviews"]}

    def test_what_was_first_stays_recorded_after_the_selector_has_moved(self, names, spec, users_apex, apply):
        moved = apply(users_apex, move(names, spec, users_apex))
        assert json.loads(original_annotations(moved, None, names)[ORIGINAL]) == {"app": "reviews"}
        moved["spec"]["selector"] = {"app": "by-hand"}
        again = apply(moved, move(names, spec, moved))
        assert json.loads(original_annotations(again, None, names)[ORIGINAL]) == {"app": "reviews"}

    def test_our_own_objects_are_no_originals(self, names, spec, stored):
        ours = stored(move(names, spec, None).body)
        assert original_annotations(ours, ours, names) == {}
        assert original_annotations(None, None, names) == {}


class TestPorts:
    def test_a_port_that_the_service_has_is_fine(self, names, spec, users_apex):
        assert port_problem(names, spec, users_apex) is None
        assert port_problem(names, spec, None) is None

    def test_a_port_that_it_has_not_is_refused_with_those_it_has(self, names, users_apex):
        users_apex["spec"]["ports"].append({"name": "dns", "port": 80, "protocol": "UDP"})
        problem = port_problem(names, ServiceSpec(port=80), users_apex)
        assert problem.reason == "PortNotInService"
        assert "given 80" in problem.message
        assert "ports 9080" in problem.message

    def test_a_port_of_our_own_service_can_be_changed(self, names, spec, stored):
        assert port_problem(names, ServiceSpec(port=80), stored(move(names, spec, None).body)) is None

    def test_a_service_that_selects_nothing_is_refused(self, names, spec, users_apex):
        users_apex["spec"]["type"] = "ExternalName"
        assert port_problem(names, spec, users_apex).reason == "ServiceUnsupported"
