"""Labels, annotations and the traffic distribution of the three Services: kept, taken back, left to others."""

import pytest

from delivery.workloads.service_problems import unkept_problem
from delivery.workloads.service_spec import Metadata, ServiceSpec, Unmanaged
from delivery.workloads.services import apex_service, role_services
from delivery.workloads.written import WRITTEN, Written

PRIMARY = {"app": "reviews-primary"}


def move(names, spec, apex):
    return apex_service(names, spec, selector=PRIMARY, apex=apex, epoch=1)


def with_metadata(labels=None, annotations=None, **more):
    return ServiceSpec(port=9080, apex=Metadata(labels or {}, annotations or {}), **more)


@pytest.fixture
def ours(names, stored):
    """Our apex Service with a label and an annotation of the Canary's."""
    spec = with_metadata({"team": "books", "tier": "web"}, {"docs": "here"})
    return stored(move(names, spec, None).body)


@pytest.fixture
def users():
    meta = {"name": "reviews", "namespace": "shop", "resourceVersion": "5", "labels": {"team": "books"}}
    return {"metadata": meta, "spec": {"selector": PRIMARY, "ports": [{"name": "http", "port": 9080}]}}


def given(body):
    """Labels and annotations besides our own."""
    meta = body["metadata"]
    sets = (meta.get("labels") or {}, meta.get("annotations") or {})
    return [{key: value for key, value in each.items() if "/" not in key} for each in sets]


class TestMetadata:
    def test_each_service_gets_its_own(self, names):
        spec = ServiceSpec(port=9080, primary=Metadata({"a": "1"}), canary=Metadata({}, {"b": "2"}))
        canary, primary = role_services(
            names,
            spec,
            canary_selector=PRIMARY,
            primary_selector=PRIMARY,
            canary=None,
            primary=None,
            apex=None,
            epoch=1,
        )
        assert given(canary.body) == [{}, {"b": "2"}]
        assert given(primary.body) == [{"a": "1"}, {}]

    def test_what_is_taken_out_of_the_canary_is_taken_off_the_service(self, names, ours, apply):
        after = apply(ours, move(names, with_metadata({"tier": "web"}), ours))
        assert given(after) == [{"tier": "web"}, {}]
        assert move(names, with_metadata({"tier": "web"}), after) is None
        assert WRITTEN not in apply(after, move(names, with_metadata(), after))["metadata"]["annotations"]

    def test_what_somebody_else_put_there_stays(self, names, ours, apply):
        ours["metadata"]["labels"]["argo"] = "x"
        ours["metadata"]["annotations"]["note"] = "y"
        assert given(apply(ours, move(names, with_metadata(), ours))) == [{"argo": "x"}, {"note": "y"}]

    def test_a_value_changed_by_hand_is_repaired(self, names, ours, apply):
        ours["metadata"]["labels"]["team"] = "hand"
        spec = with_metadata({"team": "books", "tier": "web"}, {"docs": "here"})
        assert apply(ours, move(names, spec, ours))["metadata"]["labels"]["team"] == "books"

    def test_on_a_users_service_only_what_is_missing_is_added_and_taken_back(self, names, users, apply):
        spec = with_metadata({"team": "shelves", "tier": "web"})
        after = apply(users, move(names, spec, users))
        assert given(after)[0] == {"team": "books", "tier": "web"}
        assert move(names, spec, after) is None
        assert given(apply(after, move(names, with_metadata(), after)))[0] == {"team": "books"}

    def test_nothing_asked_of_a_users_service_is_nothing_written(self, names, users):
        assert move(names, ServiceSpec(port=9080), users) is None


class TestUnmanaged:
    ALONE = Unmanaged(frozenset({"team"}), frozenset({"docs"}))

    def test_a_key_is_given_when_the_service_is_made(self, names):
        spec = with_metadata({"team": "books"}, {"docs": "here"}, unmanaged=self.ALONE)
        assert given(move(names, spec, None).body) == [{"team": "books"}, {"docs": "here"}]

    def test_a_key_that_was_never_ours_to_keep_is_not_ours_to_take(self, names, stored):
        """Given once and left to another tool; what both fields said is taken out of the Canary together."""
        spec = with_metadata({"team": "books"}, {"docs": "here"}, unmanaged=self.ALONE)
        ours = stored(move(names, spec, None).body)
        assert move(names, with_metadata(), ours) is None

    @pytest.mark.parametrize("value", ["other", None])
    def test_and_then_left_alone_whatever_it_says(self, names, ours, value):
        ours["metadata"]["labels"]["team"] = value
        del ours["metadata"]["annotations"]["docs"]
        if value is None:
            del ours["metadata"]["labels"]["team"]
        ours["metadata"]["annotations"][WRITTEN] = "label/tier"
        spec = with_metadata({"team": "books", "tier": "web"}, {"docs": "here"}, unmanaged=self.ALONE)
        assert move(names, spec, ours) is None

    def test_it_stays_when_it_is_taken_out_of_the_canary(self, names, ours, apply):
        after = apply(ours, move(names, with_metadata(unmanaged=self.ALONE), ours))
        assert given(after) == [{"team": "books"}, {"docs": "here"}]


class TestTrafficDistribution:
    CLOSE = ServiceSpec(port=9080, traffic_distribution="PreferClose")

    def distribution(self, body):
        return body["spec"].get("trafficDistribution")

    def test_it_follows_the_canary_after_creation_too(self, names, stored, apply):
        body = stored(move(names, self.CLOSE, None).body)
        assert self.distribution(body) == "PreferClose"
        assert move(names, self.CLOSE, body) is None
        zone = ServiceSpec(port=9080, traffic_distribution="PreferSameZone")
        after = apply(body, move(names, zone, body))
        assert self.distribution(after) == "PreferSameZone"
        assert self.distribution(apply(after, move(names, ServiceSpec(port=9080), after))) is None

    def test_a_server_that_does_not_know_it_is_not_asked_again_and_again(self, names, stored, apply):
        body = stored(move(names, ServiceSpec(port=9080), None).body)
        after = apply(body, move(names, self.CLOSE, body))
        del after["spec"]["trafficDistribution"]
        assert move(names, self.CLOSE, after) is None
        assert move(names, ServiceSpec(port=9080, traffic_distribution="PreferSameZone"), after) is not None

    def test_somebody_elses_stays_when_the_canary_says_nothing(self, names, stored):
        body = stored(move(names, ServiceSpec(port=9080), None).body)
        body["spec"]["trafficDistribution"] = "PreferClose"
        assert move(names, ServiceSpec(port=9080), body) is None

    def test_a_users_own_is_not_overruled(self, names, users):
        users["spec"]["trafficDistribution"] = "PreferSameNode"
        assert move(names, self.CLOSE, users) is None


class TestUnkept:
    """What a Service does not say although the Canary asks for it is named."""

    def problem(self, names, spec, *services):
        return unkept_problem(names, spec, services)

    def test_what_is_kept_is_no_problem(self, names, ours, users, apply):
        spec = with_metadata({"tier": "web"}, traffic_distribution="PreferClose")
        for body in (ours, users):
            assert self.problem(names, spec, None, apply(body, move(names, spec, body))) is None

    def test_a_users_own_values_are_named(self, names, users):
        users["metadata"]["annotations"] = {"docs": "there", "note": "x"}
        users["spec"]["trafficDistribution"] = "PreferSameNode"
        spec = with_metadata({"team": "shelves"}, {"docs": "here"}, traffic_distribution="PreferClose")
        problem = self.problem(names, spec, users)
        assert problem.reason == "FieldsNotKept"
        assert "Service reviews has its own label team, annotation docs, trafficDistribution;" in problem.message
        agreed = with_metadata({"team": "books"}, {"docs": "there"}, traffic_distribution="PreferSameNode")
        assert self.problem(names, agreed, users) is None

    def test_an_unmanaged_key_may_say_what_it_will(self, names, users):
        spec = with_metadata({"team": "shelves"}, unmanaged=Unmanaged(frozenset({"team"})))
        assert self.problem(names, spec, users) is None

    def test_a_field_that_the_server_drops_is_named(self, names, users, apply):
        spec = ServiceSpec(port=9080, traffic_distribution="PreferClose")
        assert self.problem(names, spec, users) is None, "it has yet to be written"
        after = apply(users, move(names, spec, users))
        del after["spec"]["trafficDistribution"]
        assert "spec.service.trafficDistribution" in self.problem(names, spec, after).message


def test_what_was_written_is_read_back():
    written = Written(
        labels=frozenset({"a/b"}), annotations=frozenset({"c", "d"}), ports=frozenset({"p"}), distribution="PreferClose"
    )
    body = {"metadata": {"annotations": {WRITTEN: str(written)}}}
    assert Written.on(body) == written
    assert str(written) == "annotation/c,annotation/d,label/a/b,port/p,trafficDistribution/PreferClose"
    assert Written.on({"metadata": {"annotations": {WRITTEN: "nonsense,,/"}}}) == Written()
