"""Services as targets: what a version of one is, how its copies are made and moved, and what is seen behind them."""

import copy
from datetime import UTC, datetime

import pytest

from delivery.cluster.errors import Fenced
from delivery.workloads import service_copies
from delivery.workloads.ownership import MANAGER
from delivery.workloads.revision import revision
from delivery.workloads.service_spec import Metadata, ServiceSpec
from delivery.workloads.targets.registry import TARGET_KINDS
from delivery.workloads.targets.target_kind import TargetKind

KIND: TargetKind = TARGET_KINDS["Service"]
FENCE = "progressive.delivery/fence"
V2 = {"app": "reviews", "version": "v2"}


@pytest.fixture
def service():
    """A user's Service as an API server returns it."""
    return {
        "metadata": {"name": "reviews", "namespace": "shop", "uid": "s-1", "resourceVersion": "100"},
        "spec": {
            "type": "NodePort",
            "clusterIP": "10.0.0.7",
            "clusterIPs": ["10.0.0.7"],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
            "sessionAffinity": "None",
            "selector": {"app": "reviews", "version": "v1"},
            "ports": [{"name": "http", "port": 9080, "targetPort": 9080, "protocol": "TCP", "nodePort": 30001}],
        },
    }


@pytest.fixture
def external(service):
    service["spec"] = {"type": "ExternalName", "externalName": "reviews.example.com", "sessionAffinity": "None"}
    return service


def template_of(service):
    return KIND.template_of(service)


def copied(service, names, name="reviews-canary", *, stored, at="2026-01-01T10:00:00Z", **noted):
    body = stored(service_copies.create(names, name, template_of(service), noted, epoch=7).body)
    body["metadata"]["managedFields"] = [{"manager": MANAGER, "operation": "Update", "time": at}]
    return body


def pod(name, version="v1", *, ready=True, since="2026-01-01T09:00:00Z", phase="Running", waiting=None, **meta):
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    return {
        "metadata": {
            "name": name, "namespace": "shop", "labels": {"app": "reviews", "version": version, "more": "x"}, **meta
        },
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": since}],
            "containerStatuses": [{"name": "app", "restartCount": 0, "state": state}],
        },
    }  # fmt: skip


class TestAVersion:
    def test_it_is_where_requests_end_and_not_how_the_service_is_reached(self, service):
        before = revision(template_of(service))
        service["spec"] |= {"clusterIP": "10.0.0.9", "type": "ClusterIP", "loadBalancerIP": "1.2.3.4", "newField": "x"}
        del service["spec"]["ports"][0]["nodePort"]
        assert revision(template_of(service)) == before

    @pytest.mark.parametrize(
        "edit",
        [
            {"selector": V2},
            {"ports": [{"name": "http", "port": 9080, "targetPort": 9090, "protocol": "TCP"}]},
            {"publishNotReadyAddresses": True},
            {"type": "ExternalName", "externalName": "reviews.example.com"},
        ],
    )
    def test_every_other_place_is_another_version(self, service, edit):
        before = revision(template_of(service))
        service["spec"] |= edit
        assert revision(template_of(service)) != before

    def test_it_is_found_again_on_the_target_the_primary_or_the_canary_service(self, service, names, stored):
        old = copied(service, names, "reviews-primary", stored=stored)
        first = revision(template_of(service))
        service["spec"]["selector"] = V2
        analysed = copied(service, names, stored=stored)
        second = revision(template_of(service))
        service["spec"]["selector"] = {"app": "reviews", "version": "v3"}
        places = {"target": service, "primary": old, "past": (analysed,)}
        assert KIND.template(first, **places)["spec"]["selector"]["version"] == "v1"
        assert KIND.template(second, **places)["spec"]["selector"]["version"] == "v2"
        assert KIND.template("v1-gone", **places) is None


class TestCopies:
    def test_the_primary_leads_where_the_target_does_at_an_address_of_its_own(self, service, names):
        change = KIND.create(
            service, names, template_of(service), revision="v1-a", floor=3, epoch=7, annotations={"k": "v"}
        )
        body = change.body
        assert (body["kind"], body["metadata"]["name"]) == ("Service", "reviews-primary")
        assert body["spec"] == {
            "type": "ClusterIP",
            "selector": {"app": "reviews", "version": "v1"},
            "ports": [{"name": "http", "port": 9080, "targetPort": 9080, "protocol": "TCP"}],
        }
        assert body["metadata"]["annotations"] == {"k": "v", "progressive.delivery/revision": "v1-a", FENCE: "7"}
        assert "ownerReferences" not in body["metadata"]

    def test_a_promotion_leads_it_elsewhere_in_one_write(self, service, names, stored, apply):
        primary = copied(service, names, "reviews-primary", stored=stored)
        service["spec"]["selector"] = V2
        new = revision(template_of(service))
        change = KIND.promote(primary, template_of(service), revision=new, epoch=8, target=service)
        after = apply(primary, change)
        assert after["spec"]["selector"] == V2
        assert after["metadata"]["annotations"]["progressive.delivery/revision"] == new
        assert KIND.promote(after, template_of(service), revision=new, epoch=8, target=service) is None
        with pytest.raises(Fenced):
            KIND.promote(primary, template_of(service), revision=new, epoch=6, target=service)

    def test_from_pods_to_a_name_outside_and_back(self, service, names, stored, apply):
        primary = copied(service, names, stored=stored)
        inside = template_of(service)
        service["spec"] = {"type": "ExternalName", "externalName": "reviews.example.com"}
        outside = apply(primary, service_copies.lead_to(primary, template_of(service), epoch=7))
        assert outside["spec"] == {"type": "ExternalName", "externalName": "reviews.example.com"}
        back = apply(outside, service_copies.lead_to(outside, inside, epoch=7))
        assert back["spec"] == primary["spec"]

    def test_a_copy_is_dressed_as_every_roles_service_is(self, service, names, stored, apply):
        canary = copied(service, names, stored=stored)
        canary["metadata"]["labels"]["theirs"] = "x"
        spec = ServiceSpec(port=9080, canary=Metadata({"team": "books"}, {"note": "y"}))
        after = apply(canary, service_copies.dress(canary, names, spec.canary, spec, epoch=7))
        assert after["metadata"]["labels"] | {"team": "books", "theirs": "x"} == after["metadata"]["labels"]
        assert after["metadata"]["annotations"]["note"] == "y"
        assert after["spec"] == canary["spec"]
        assert service_copies.dress(after, names, spec.canary, spec, epoch=7) is None

    def test_users_are_not_led_from_pods_that_are_ready_to_where_none_is(self, service, names, stored):
        """A Service leads elsewhere at once, where a workload's controller would wait for the new pods."""
        primary = copied(service, names, "reviews-primary", stored=stored)
        template = {"spec": {**template_of(service)["spec"], "selector": V2}}
        old, new, broken = pod("a"), pod("b", "v2"), pod("c", "v2", ready=False)
        assert KIND.strands(primary, template, [old, broken])
        assert not KIND.strands(primary, template, [old, new])
        assert not KIND.strands(primary, template, [broken]), "nobody is served: nothing is lost"
        outside = {"spec": {"externalName": "reviews.example.com"}}
        assert not KIND.strands(primary, outside, [old]), "what is there nobody sees"

    def test_nothing_is_ever_scaled(self, service):
        assert KIND.at_least(service, 5, epoch=7, why="up") is None
        assert KIND.rest(service, epoch=7) is None


class TestReading:
    def observe(self, body, pods, *past):
        return KIND.observe(body, pods, past=past, since=None)

    def test_what_is_counted_is_what_the_canary_service_leads_to(self, service, names, stored):
        canary = copied(service, names, stored=stored)
        pods = [pod("a"), pod("b", ready=False), pod("c", "v2")]
        seen = self.observe(service, pods, canary)
        assert (seen.replicas, seen.ready, seen.updated_ready, seen.settled) == (2, 1, 1, True)
        service["spec"]["selector"] = V2
        behind = self.observe(service, pods, canary)
        assert (behind.ready, behind.updated_ready, behind.settled) == (1, 0, False)
        assert behind.revision == revision(template_of(service))

    def test_without_a_canary_service_nothing_has_settled(self, service):
        assert not self.observe(service, [pod("a")]).settled

    def test_pods_that_do_not_serve_are_not_waited_for(self, service, names, stored):
        canary = copied(service, names, stored=stored)
        pods = [pod("a"), pod("b", phase="Succeeded", ready=False), pod("c", deletionTimestamp="2026-01-01T09:00:00Z")]
        elsewhere = pod("d", namespace="attic")
        assert self.observe(service, [*pods, elsewhere], canary).replicas == 1

    def test_proxies_know_its_pods_no_earlier_than_it_leads_there(self, service, names, stored):
        """The pods may have been ready for long; that the Service leads to them is news."""
        canary = copied(service, names, stored=stored, at="2026-01-01T10:00:00Z")
        (since,) = self.observe(service, [pod("a", since="2026-01-01T09:00:00Z")], canary).ready_since
        assert since == datetime(2026, 1, 1, 10, tzinfo=UTC)
        (since,) = self.observe(service, [pod("a", since="2026-01-01T11:00:00Z")], canary).ready_since
        assert since == datetime(2026, 1, 1, 11, tzinfo=UTC)

    def test_trouble_behind_the_canary_service_is_seen(self, service, names, stored):
        canary = copied(service, names, stored=stored)
        assert self.observe(service, [pod("a", ready=False, waiting="CrashLoopBackOff")], canary).trouble is not None

    @pytest.mark.parametrize("how", ["external", "by hand"])
    def test_what_nobody_can_see_counts_as_one_ready_pod(self, service, external, names, stored, how):
        if how == "by hand":
            external["spec"] = {"type": "ClusterIP", "ports": [{"port": 9080}]}
        canary = copied(external, names, stored=stored)
        seen = self.observe(external, [pod("a")], canary)
        assert (seen.replicas, seen.ready, seen.updated_ready, seen.most, seen.unseen) == (1, 1, 1, 1, True)
        assert seen.ready_since == (datetime(2026, 1, 1, 10, tzinfo=UTC),)

    def test_the_primary_has_the_revision_that_is_noted_on_it(self, service, names, stored):
        noted = {"progressive.delivery/revision": "v1-noted"}
        primary = copied(service, names, "reviews-primary", stored=stored, **noted)
        seen = self.observe(primary, [pod("a")])
        assert (seen.revision, seen.ready, seen.settled) == ("v1-noted", 1, True)

    def test_when_it_was_written_last_nobody_knows_without_times(self, service):
        assert service_copies.last_written(service) is None
        service["metadata"]["managedFields"] = [{"manager": "a", "time": "soon"}]
        assert service_copies.last_written(service) is None
        entries = [
            {"manager": "a", "time": "2026-01-01T10:00:00Z"},
            {"manager": MANAGER, "time": "2026-01-01T09:00:00Z"},
            {"manager": MANAGER, "time": "2026-01-01T11:00:00Z", "subresource": "status"},
        ]
        service["metadata"]["managedFields"] = entries
        assert service_copies.last_written(service) == datetime(2026, 1, 1, 10, tzinfo=UTC)
        assert service_copies.led_since(service) == datetime(2026, 1, 1, 9, tzinfo=UTC)


class TestRefusals:
    def test_a_port_that_the_service_does_not_have(self, service):
        assert KIND.problem(service, ServiceSpec(port=9080)) is None
        problem = KIND.problem(service, ServiceSpec(port=80))
        assert problem.reason == "PortNotInService"
        assert "given 80, but Service reviews has ports 9080" in problem.message

    def test_a_name_outside_needs_no_ports(self, external):
        assert KIND.problem(external, ServiceSpec(port=80)) is None
        external["spec"]["ports"] = [{"port": 443}]
        assert KIND.problem(external, ServiceSpec(port=80)).reason == "PortNotInService"


def test_the_users_service_is_not_changed(service, names):
    before = copy.deepcopy(service)
    KIND.create(service, names, template_of(service), revision="v1-a", floor=3, epoch=7, annotations={})
    assert service == before
