"""For whom the routes are: hosts, gateways and delegation; and connections instead of requests."""

import pytest

from strategies.traffic import Traffic
from tests.routing.special import OURS, TESTER, C, a_spec, router, split


class TestHostsAndGateways:
    @pytest.mark.parametrize(
        ("hosts", "expected"),
        [
            ([], ["reviews.shop.svc.cluster.local"]),
            (["r.example.com"], ["r.example.com", "reviews.shop.svc.cluster.local"]),
            (["*"], ["*"]),
            (["reviews"], ["reviews"]),
            (["reviews.shop"], ["reviews.shop"]),
            (["reviews.other"], ["reviews.other", "reviews.shop.svc.cluster.local"]),
        ],
    )
    def test_the_apex_host_is_there_unless_it_is_among_them(self, render, hosts, expected):
        spec = a_spec(service={"hosts": hosts}, stepWeights=[10])
        assert render(spec, Traffic(90, 10))["spec"]["hosts"] == expected

    @pytest.mark.parametrize(
        ("given", "expected"), [([], ["mesh"]), (["edge"], ["edge"]), (["edge", "mesh"], ["edge", "mesh"])]
    )
    def test_gateways_are_as_given(self, render, given, expected):
        assert render(a_spec(service={"gateways": given}), Traffic(90, 10))["spec"]["gateways"] == expected

    def test_a_delegate_has_neither(self, render):
        spec = a_spec(service={"delegation": True})
        assert sorted(render(spec, Traffic(90, 10))["spec"]) == ["http"]

    def test_becoming_a_delegate_takes_them_out_and_back(self, render):
        plain, delegate = a_spec(), a_spec(service={"delegation": True})
        found = render(delegate, Traffic(90, 10), render(plain, Traffic(90, 10)))
        assert sorted(found["spec"]) == ["http"]
        assert sorted(render(plain, Traffic(90, 10), found)["spec"]) == ["gateways", "hosts", "http"]

    @pytest.mark.parametrize(
        ("service", "port"),
        [
            ({"portDiscovery": True}, None),
            ({"portDiscovery": True, "gateways": ["mesh"]}, None),
            ({"portDiscovery": True, "gateways": ["edge"]}, {"number": 9080}),
            ({"portDiscovery": True, "delegation": True}, {"number": 9080}),
            ({"gateways": ["edge"]}, None),
        ],
    )
    def test_a_port_is_named_where_a_gateway_could_not_tell_which(self, render, service, port):
        (rule,) = render(a_spec(service=service), Traffic(90, 10))["spec"]["http"]
        assert {item["destination"].get("port", {}).get("number") for item in rule["route"]} == {
            port["number"] if port else None
        }

    @pytest.mark.parametrize("gateways", [["mesh", "edge"], ["edge", "mesh"]])
    def test_for_gateways_and_mesh_each_rule_is_there_twice_so_that_further_ports_are_not_led_astray(
        self, render, view, gateways
    ):
        spec = a_spec(
            service={"portDiscovery": True, "gateways": gateways, "match": [{"uri": {"prefix": "/a"}}]},
            testerMatch=[TESTER],
            mirror=True,
            stepWeights=[10],
        )
        traffic = Traffic(90, 10, mirror=40, testers=True)
        found = render(spec, traffic)
        rules = found["spec"]["http"]
        assert [rule["name"].removeprefix(OURS) for rule in rules] == ["-testers-gateways", "-testers", "-gateways", ""]
        edge, mesh = rules[2:]
        assert edge["match"] == [{"uri": {"prefix": "/a"}, "gateways": ["edge"]}]
        assert mesh["match"] == [{"uri": {"prefix": "/a"}}]
        ports = [[item["destination"].get("port") for item in rule["route"]] for rule in (edge, mesh)]
        assert ports == [[{"number": 9080}] * 2, [None] * 2]
        assert (edge["mirror"]["port"], mesh["mirror"]) == ({"number": 9080}, {"host": C})
        assert [item["weight"] for item in edge["route"]] == [90, 10]
        assert (view(spec, found).canary_weight, view(spec, found).mirror) == (10, 40)

    def test_a_condition_about_the_mesh_alone_has_no_twin(self, render):
        match = [{"uri": {"prefix": "/a"}, "gateways": ["mesh"]}]
        spec = a_spec(service={"portDiscovery": True, "gateways": ["mesh", "edge"], "match": match})
        (rule,) = render(spec, Traffic(90, 10))["spec"]["http"]
        assert rule["match"] == match

    def test_the_twins_go_when_they_are_no_longer_needed(self, render):
        spec = a_spec(service={"portDiscovery": True, "gateways": ["mesh", "edge"]})
        found = render(spec, Traffic(90, 10))
        assert len(found["spec"]["http"]) == 2
        (rule,) = render(a_spec(service={"gateways": ["mesh", "edge"]}), Traffic(90, 10), found)["spec"]["http"]
        assert rule["name"] == OURS

    def test_copies_name_their_port_at_gateways_too(self, render):
        spec = a_spec(service={"portDiscovery": True, "gateways": ["edge"]}, mirror=True, stepWeights=[10])
        (rule,) = render(spec, Traffic(100, 0, mirror=40))["spec"]["http"]
        assert rule["mirror"] == {"host": C, "port": {"number": 9080}}


class TestTCP:
    spec = a_spec(service={"appProtocol": "TCP", "match": [{"port": 9080, "gateways": ["mesh"]}]}, stepWeights=[10])

    def test_weights_of_connections(self, render, view):
        found = render(self.spec, Traffic(90, 10))
        assert "http" not in found["spec"]
        assert found["spec"]["tcp"] == [{"match": [{"port": 9080, "gateways": ["mesh"]}], "route": split(90, 10)}]
        assert view(self.spec, found).canary_weight == 10

    def test_a_port_is_named_at_gateways(self, render):
        spec = a_spec(service={"appProtocol": "tcp", "portDiscovery": True, "gateways": ["edge"]}, stepWeights=[10])
        (rule,) = render(spec, Traffic(90, 10))["spec"]["tcp"]
        assert [item["destination"]["port"] for item in rule["route"]] == [{"number": 9080}] * 2

    def test_a_step_changes_two_numbers(self, names, render, seen):
        found = render(self.spec, Traffic(90, 10))
        (change,) = router.routes(names, self.spec, Traffic(80, 20), seen(found), epoch=7)
        assert [op["path"] for op in change.ops if "annotations" not in op["path"]] == [
            "/spec/tcp/0/route/0/weight",
            "/spec/tcp/0/route/1/weight",
        ]

    def test_other_tcp_rules_and_tls_stay(self, render):
        found = render(self.spec, Traffic(90, 10))
        other = {"match": [{"port": 27017}], "route": [{"destination": {"host": "mongo"}}]}
        found["spec"]["tcp"].insert(0, other)
        found["spec"]["tls"] = [{"match": [{"port": 443, "sniHosts": ["a"]}], "route": []}]
        after = render(self.spec, Traffic(70, 30), found)
        assert after["spec"]["tcp"] == [other, {**found["spec"]["tcp"][1], "route": split(70, 30)}]
        assert after["spec"]["tls"] == found["spec"]["tls"]

    def test_a_service_that_changes_its_protocol_takes_its_rules_along(self, render, view):
        http = a_spec(stepWeights=[10])
        found = render(self.spec, Traffic(90, 10), render(http, Traffic(90, 10)))
        assert sorted(found["spec"]) == ["gateways", "hosts", "tcp"]
        found = render(http, Traffic(90, 10), found)
        assert sorted(found["spec"]) == ["gateways", "hosts", "http"]
        assert view(http, found).canary_weight == 10

    def test_a_hand_edit_of_its_weights_is_told(self, render, view):
        found = render(self.spec, Traffic(90, 10))
        found["spec"]["tcp"][0]["route"] = split(100, 0)
        assert (view(self.spec, found).canary_weight, view(self.spec, found).applied_matches) == (0, False)
