"""Port discovery, and what the ports of the three Services have to be."""

import pytest

from delivery.workloads.ports import arranged, discovered_ports, together
from delivery.workloads.service_problems import headless_problem, port_problem
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.services import apex_service, role_services

SELECTOR = {"app": "reviews"}
PRIMARY = {"app": "reviews-primary"}
DISCOVERING = ServiceSpec(port=80, target_port=9080, port_discovery=True)


def container(name="app", *ports, **fields):
    return {"name": name, "ports": list(ports), **fields}


def port(number, name=None, protocol=None):
    given = {"containerPort": number, "name": name, "protocol": protocol}
    return {key: value for key, value in given.items() if value is not None}


def template(*containers, init=()):
    return {"spec": {"containers": list(containers), "initContainers": list(init)}}


def found(*templates, spec=DISCOVERING):
    return [(each["name"], each["port"], each["protocol"]) for each in discovered_ports(spec, templates)]


class TestDiscovery:
    def test_every_port_but_the_main_one_is_found(self):
        pod = template(container("app", port(9080, "http"), port(9090, "admin")), container("side", port(7000)))
        assert found(pod) == [("admin", 9090, "TCP"), ("tcp-side-0", 7000, "TCP")]

    def test_without_port_discovery_there_is_none(self):
        assert found(template(container("app", port(9090))), spec=ServiceSpec(port=80)) == []

    def test_a_port_leads_to_the_containers_own_number(self):
        [each] = discovered_ports(DISCOVERING, [template(container("app", port(9090, "admin")))])
        assert each["targetPort"] == 9090

    @pytest.mark.parametrize("target_port", [9080, "web"])
    def test_the_main_port_is_known_by_number_and_by_name(self, target_port):
        spec = ServiceSpec(port=80, target_port=target_port, port_discovery=True)
        assert found(template(container("app", port(9080, "web"))), spec=spec) == []

    def test_a_udp_port_stays_udp_instead_of_becoming_tcp(self):
        pod = template(container("dns", port(53, "dns-tcp"), port(53, "dns", "UDP"), port(9080, None, "UDP")))
        assert found(pod) == [("dns-tcp", 53, "TCP"), ("dns", 53, "UDP"), ("udp-dns-2", 9080, "UDP")]

    @pytest.mark.parametrize("name", ["istio-proxy", "envoy"])
    def test_the_proxys_ports_are_its_own(self, name):
        native = container(name, port(15090), restartPolicy="Always")
        assert found(template(container(name, port(15090)), init=[native])) == []

    def test_of_init_containers_only_native_sidecars_are_found(self):
        init = [container("setup", port(1)), container("logs", port(2), restartPolicy="Always")]
        assert found(template(init=init)) == [("tcp-logs-0", 2, "TCP")]

    def test_a_port_whose_number_the_service_has_already_is_left_out(self):
        assert found(template(container("app", port(80, "other"), port(9090), port(9090)))) == [
            ("tcp-app-1", 9090, "TCP")
        ]

    def test_names_stay_within_what_the_api_server_allows(self):
        names = [name for name, *_ in found(template(container("a" * 62 + "b", port(1), port(2))))]
        assert names == [f"tcp-{'a' * 57}-0", f"tcp-{'a' * 57}-1"]
        assert {len(name) for name in names} == {63}

    def test_names_are_kept_apart(self):
        pod = template(container("app", port(1, "http"), port(2, "admin")), container("more", port(3, "admin")))
        assert found(pod) == [("http-1", 1, "TCP"), ("admin", 2, "TCP"), ("admin-3", 3, "TCP")]

    def test_a_port_that_moved_is_offered_at_both_numbers_until_the_new_version_is_promoted(self):
        old = template(container("app", port(9090, "admin")))
        new = template(container("app", port(9091, "admin")))
        assert found(old, new) == [("admin", 9090, "TCP"), ("admin-9091", 9091, "TCP")]
        assert found(new, new) == [("admin", 9091, "TCP")]


MAIN = {"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}
ADMIN = {"name": "admin", "port": 90, "targetPort": 90, "protocol": "TCP"}


class TestArranging:
    def test_what_is_no_longer_wanted_goes_and_what_others_added_stays(self):
        theirs = {"name": "debug", "port": 91, "protocol": "TCP", "nodePort": 30091}
        have = [MAIN, ADMIN, theirs]
        after = arranged(have, MAIN, [], before=frozenset({"admin"}))
        assert (after.ports, after.ours) == ([MAIN, theirs], frozenset())

    def test_a_port_that_somebody_added_already_is_theirs(self):
        theirs = {"name": "debug", "port": 90, "protocol": "TCP"}
        after = arranged([MAIN, theirs], MAIN, [ADMIN], before=frozenset())
        assert (after.ports, after.ours) == ([MAIN, theirs], frozenset())

    def test_a_name_that_somebody_took_is_not_taken_twice(self):
        theirs = {"name": "admin", "port": 91, "protocol": "TCP"}
        after = arranged([MAIN, theirs], MAIN, [ADMIN], before=frozenset())
        assert after.ports == [MAIN, theirs, {**ADMIN, "name": "admin-90"}]
        assert arranged(after.ports, MAIN, [ADMIN], before=after.ours) == after

    def test_a_name_that_is_made_apart_is_not_given_twice(self):
        theirs = {"name": "stats", "port": 92, "protocol": "TCP"}
        more = [{**ADMIN, "name": name, "protocol": way} for name, way in (("stats", "TCP"), ("stats-90", "UDP"))]
        names = [port["name"] for port in arranged([MAIN, theirs], MAIN, more, before=frozenset()).ports]
        assert names == ["http", "stats", "stats-90", "stats-90-90"]

    def test_a_port_that_changed_keeps_its_node_port(self):
        have = [MAIN, {**ADMIN, "nodePort": 30090}]
        after = arranged(have, MAIN, [{**ADMIN, "targetPort": 99}], before=frozenset({"admin"}))
        assert after.ports == [MAIN, {**ADMIN, "targetPort": 99, "nodePort": 30090}]

    def test_several_lists_make_one_without_a_number_twice(self):
        udp = {"name": "admin", "port": 90, "protocol": "UDP"}
        assert together([MAIN], [ADMIN], [{**ADMIN, "name": "again"}, udp]) == [
            MAIN,
            ADMIN,
            {**udp, "name": "admin-90"},
        ]


POD = template(container("app", port(9080), port(9090, "admin")))
ADMIN_PORT = {"name": "admin", "port": 9090, "targetPort": 9090, "protocol": "TCP"}
SPEC = ServiceSpec(port=9080, port_discovery=True)


def users(**spec):
    body = {"selector": SELECTOR, "ports": [{"name": "web", "port": 9080, "protocol": "TCP"}], **spec}
    meta = {"name": "reviews", "namespace": "shop", "resourceVersion": "5"}
    return {"metadata": meta, "spec": body}


def roles(names, spec=SPEC, *, canary=None, primary=None, apex=None, templates=(POD,)):
    selectors = {"canary_selector": SELECTOR, "primary_selector": PRIMARY}
    return role_services(
        names, spec, **selectors, canary=canary, primary=primary, apex=apex, epoch=1, templates=templates
    )


def move(names, apex, spec=SPEC, templates=(POD,)):
    return apex_service(names, spec, selector=PRIMARY, apex=apex, epoch=1, templates=templates)


class TestThreeServices:
    def test_all_three_get_the_discovered_ports(self, names):
        made = [*roles(names), move(names, None)]
        assert [change.ref.name for change in made] == ["reviews-canary", "reviews-primary", "reviews"]
        assert [change.body["spec"]["ports"][1:] for change in made] == [[ADMIN_PORT]] * 3

    def test_they_are_written_once_and_go_with_the_container_port(self, names, stored, apply):
        canary, primary = (stored(change.body) for change in roles(names))
        assert roles(names, canary=canary, primary=primary) == ()
        gone = template(container("app", port(9080)))
        changes = roles(names, canary=canary, primary=primary, templates=(gone,))
        after = [apply(body, change) for body, change in zip((canary, primary), changes, strict=True)]
        assert [[each["port"] for each in body["spec"]["ports"]] for body in after] == [[9080], [9080]]
        assert roles(names, canary=after[0], primary=after[1], templates=(gone,)) == ()

    def test_a_users_service_keeps_its_ports_and_gets_what_is_missing(self, names, apply):
        theirs = {"name": "metrics", "port": 15020, "protocol": "TCP", "nodePort": 30020}
        body = users(ports=[{"name": "web", "port": 9080, "protocol": "TCP"}, theirs])
        after = apply(body, move(names, body))
        assert after["spec"]["ports"] == [*body["spec"]["ports"], ADMIN_PORT]
        assert move(names, after) is None
        back = apply(after, move(names, after, spec=ServiceSpec(port=9080)))
        assert back["spec"]["ports"] == body["spec"]["ports"]

    def test_the_roles_offer_every_port_of_the_users_service_under_a_name_of_its_own(self, names):
        body = users(ports=[{"name": "web", "port": 9080}, {"name": "http", "port": 81, "protocol": "TCP"}])
        [change, _] = roles(names, apex=body)
        assert [(each["name"], each["port"]) for each in change.body["spec"]["ports"]] == [
            ("http", 9080),
            ("http-81", 81),
            ("admin", 9090),
        ]

    def test_a_port_that_the_user_takes_away_is_taken_from_the_roles_too(self, names, stored, apply):
        both = users(ports=[{"name": "web", "port": 9080}, {"name": "old", "port": 81}])
        canary, primary = (stored(change.body) for change in roles(names, ServiceSpec(port=9080), apex=both))
        changes = roles(names, ServiceSpec(port=9080), canary=canary, primary=primary, apex=users())
        assert [each["port"] for each in apply(canary, changes[0])["spec"]["ports"]] == [9080]

    def test_beside_a_port_without_a_name_none_can_be_added_and_that_is_said(self, names, apply):
        body = users(ports=[{"port": 9080, "protocol": "TCP"}])
        problem = port_problem(names, SPEC, body, (POD,))
        assert problem.reason == "PortWithoutName"
        assert "9090" in problem.message
        assert "portDiscovery" in problem.message
        assert apply(body, move(names, body))["spec"]["ports"] == body["spec"]["ports"]
        assert port_problem(names, ServiceSpec(port=9080), body, (POD,)) is None
        assert port_problem(names, SPEC, users(), (POD,)) is None


class TestHeadless:
    def test_the_apex_is_made_without_an_address_and_the_roles_keep_theirs_for_the_weights(self, names):
        spec = ServiceSpec(port=9080, headless=True)
        assert move(names, None, spec=spec).body["spec"]["clusterIP"] == "None"
        assert all("clusterIP" not in change.body["spec"] for change in roles(names, spec))

    @pytest.mark.parametrize(("headless", "address"), [(True, "10.0.0.1"), (False, "None")])
    def test_one_of_the_other_kind_is_named_with_the_ways_out(self, names, stored, headless, address):
        body = stored(move(names, None).body)
        body["spec"]["clusterIP"] = address
        problem = headless_problem(names, ServiceSpec(port=9080, headless=headless), [None, body])
        assert problem.reason == "HeadlessMismatch"
        assert f"given {str(headless).lower()}" in problem.message
        assert "delete the Service" in problem.message

    @pytest.mark.parametrize(("headless", "address"), [(True, "None"), (False, "10.0.0.1")])
    def test_one_of_the_right_kind_is_fine(self, names, stored, headless, address):
        body = stored(move(names, None).body)
        body["spec"]["clusterIP"] = address
        assert headless_problem(names, ServiceSpec(port=9080, headless=headless), [body]) is None

    def test_a_users_service_may_be_headless_unasked_but_cannot_be_made_so(self, names):
        asked = ServiceSpec(port=9080, headless=True)
        assert headless_problem(names, ServiceSpec(port=9080), [users(clusterIP="None")]) is None
        assert headless_problem(names, asked, [users(clusterIP="None")]) is None
        assert "not of this Canary's making" in headless_problem(names, asked, [users(clusterIP="10.0.0.1")]).message
