"""Property: whatever a Canary asks of a user's Service, taking it out again leaves that Service as it was."""

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.workloads.service_spec import Metadata, ServiceSpec
from delivery.workloads.services import apex_service
from delivery.workloads.written import WRITTEN

SELECTOR = {"app": "reviews-primary"}
KEYS = st.sampled_from(["team", "tier", "example.com/owner", "docs"])
PAIRS = st.dictionaries(KEYS, st.sampled_from(["a", "b"]), max_size=3)
DISTRIBUTION = st.sampled_from([None, "PreferClose", "PreferSameZone"])
PROTOCOL = st.sampled_from(["TCP", "UDP"])
NAMES = ["http", "admin", "stats", "tcp-app-0"]


@st.composite
def users_services(draw: Any) -> dict[str, Any]:
    """A Service of a user's, as an API server stores it."""
    named = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(9080, 9084), PROTOCOL), max_size=3))
    listed = {(number, protocol): name for name, number, protocol in named if name != "http"}
    names = dict.fromkeys(listed.values())
    ports = [{"name": "http", "port": 9080, "targetPort": 9080, "protocol": "TCP"}]
    for place, name in listed.items():
        if place != (9080, "TCP") and name in names:
            ports.append({"name": name, "port": place[0], "targetPort": place[0], "protocol": place[1]})
            del names[name]
    meta = {"name": "reviews", "namespace": "shop", "resourceVersion": "5", "labels": draw(PAIRS)}
    spec: dict[str, Any] = {"selector": SELECTOR, "ports": ports}
    if (distribution := draw(DISTRIBUTION)) is not None:
        spec["trafficDistribution"] = distribution
    return {"metadata": {**meta, "annotations": draw(PAIRS)}, "spec": spec}


@st.composite
def requests(draw: Any) -> tuple[ServiceSpec, tuple[dict[str, Any], ...]]:
    """What a Canary asks for, and the pods whose ports are discovered."""
    found = draw(st.lists(st.tuples(st.sampled_from([None, *NAMES]), st.integers(9080, 9084), PROTOCOL), max_size=4))
    ports = [{"name": name, "containerPort": number, "protocol": protocol} for name, number, protocol in found]
    spec = ServiceSpec(
        port=9080,
        port_discovery=draw(st.booleans()),
        traffic_distribution=draw(DISTRIBUTION),
        apex=Metadata(draw(PAIRS), draw(PAIRS)),
    )
    return spec, ({"spec": {"containers": [{"name": "app", "ports": ports}]}},)


def users_fields(body: dict[str, Any]) -> dict[str, Any]:
    """The Service without what is only our bookkeeping."""
    out = copy.deepcopy(body)
    for key in (WRITTEN, "progressive.delivery/fence"):
        out["metadata"]["annotations"].pop(key, None)
    return out


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(before=users_services(), asked=st.lists(requests(), min_size=1, max_size=3))
def test_a_users_service_is_given_back_as_it_was(names, apply, before, asked):
    body = copy.deepcopy(before)
    for spec, templates in [*asked, (ServiceSpec(port=9080), ())]:
        change = apex_service(names, spec, selector=SELECTOR, apex=body, epoch=7, templates=templates)
        body = apply(body, change) if change is not None else body
        kept = body["spec"]["ports"]
        assert all(port in kept for port in before["spec"]["ports"]), "a port of the user's stays"
        assert len({port["name"] for port in kept}) == len({(p["port"], p["protocol"]) for p in kept}) == len(kept)
        assert before["metadata"]["labels"].items() <= body["metadata"]["labels"].items()
        assert apex_service(names, spec, selector=SELECTOR, apex=body, epoch=7, templates=templates) is None
    assert users_fields(body) == users_fields(before)
