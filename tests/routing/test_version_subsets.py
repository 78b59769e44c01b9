"""Which subset is which version's: found by labels, kept once it is noted, and refused where nobody can tell."""

import pytest

from delivery.cluster.objects import DESTINATION_RULES, Ref
from delivery.routing import version_subsets
from delivery.routing.referenced import Referenced
from delivery.routing.route_spec import Reference, RouteSpec, Subsets
from delivery.routing.router import Observed
from delivery.routing.version_subsets import Version
from delivery.workloads.names import Names
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.leading import Led, leading_to, led_to
from strategies.traffic import Traffic

NAMES = Names(namespace="books", canary="reviews", target="reviews-v2", apex="reviews", primary_name="reviews-primary")
ASKED = Subsets("versions", "", "", versions=True)
APEX = {"metadata": {"name": "reviews"}, "spec": {"selector": {"app": "reviews"}}}


def version(name, *, noted="", **labels):
    return Version(deployment=f"reviews-{name}", labels={"app": "reviews", "version": name, **labels}, noted=noted)


def observed(host="reviews", /, **subsets):
    rule = {
        "metadata": {"name": "versions", "namespace": "books"},
        "spec": {"host": host, "subsets": [{"name": name, "labels": labels} for name, labels in subsets.items()]},
    }
    return Observed.of([(Ref(DESTINATION_RULES, "books", "versions"), rule)])


V1, V2 = {"version": "v1"}, {"version": "v2"}


def problem(mesh, *, target=None, primary=None, apex=APEX):
    target = version("v2") if target is None else target
    primary = version("v1", noted="v1") if primary is None else primary
    found = version_subsets.problem(ASKED, NAMES, mesh, apex=apex, target=target, primary=primary)
    return (found.reason, found.message) if found is not None else ("", "")


def resolved(mesh, **roles):
    given = {"target": None, "primary": None, "canary": None, **roles}
    found = version_subsets.resolved(ASKED, NAMES, mesh, **given, led=Led(before_subset="v0"))
    return found.primary, found.canary, found.before


def test_before_there_is_a_primary_both_roles_are_the_target():
    assert resolved(observed(v1=V1, v2=V2), target=version("v1")) == ("v1", "v1", "v0")


def test_the_canary_is_where_its_service_leads_whatever_is_named_by_now():
    found = resolved(observed(v1=V1, v2=V2), target=version("v3"), primary=version("v1"), canary=version("v2"))
    assert found[:2] == ("v1", "v2")


def test_what_was_noted_stays_as_long_as_it_is_right_and_when_nothing_is():
    mesh = observed(v1=V1, one=V1)
    assert resolved(mesh, primary=version("v1", noted="one"))[0] == "one"
    assert resolved(observed(v2=V2), primary=version("v1", noted="v1"))[0] == "v1", "its users can be taken away"
    assert resolved(observed(one=V1), primary=version("v1", noted="v1"))[0] == "one", "it was renamed"


@pytest.mark.parametrize("other", [{"app": "reviews"}, {"age": "old"}, {"app": "reviews", "age": "old"}])
def test_a_subset_of_something_else_than_a_version_is_no_matter(other):
    mesh = observed(v1=V1, v2=V2, other=other)
    assert problem(mesh) == ("", "")
    assert resolved(mesh, target=version("v2"), primary=version("v1"))[:2] == ("v1", "v2")


@pytest.mark.parametrize(
    ("mesh", "reason", "words"),
    [
        (Observed(), "SubsetNotFound", "DestinationRule books/versions does not exist"),
        (observed("other", v1=V1, v2=V2), "SubsetNotFound", "is about host other"),
        (observed(v1=V1), "SubsetNotFound", "no subset of the pods of Deployment reviews-v2 (app=reviews, version=v2)"),
        (observed(v2=V2), "SubsetNotFound", "Deployment reviews-v1"),
        (observed(v1=V1, v2=V2, two=V2), "SubsetAmbiguous", "subsets v2, two all select"),
        (observed(v1=V1, v2={"app": "reviews"}), "SubsetSelectsWrongPods", "subset v2 of Deployment reviews-v2"),
        (observed(v1=V1, v2={}), "SubsetNotFound", "Deployment reviews-v2"),
    ],
)
def test_what_nobody_can_tell_is_refused_by_name(mesh, reason, words):
    found = problem(mesh)
    assert found[0] == reason
    assert words in found[1]


def test_the_apex_service_has_to_select_the_pods_of_both():
    apex = {"metadata": {"name": "reviews"}, "spec": {"selector": {"app": "reviews", "version": "v1"}}}
    assert problem(observed(v1=V1, v2=V2), apex=apex)[0] == "ApexSelectsOneRole"
    assert problem(observed(v1=V1, v2=V2), apex=None)[0] == "ApexNotFound"


def template(name):
    return {
        "deployment": f"reviews-{name}",
        "selector": {"version": name},
        "template": {"metadata": {"labels": {"version": name, "more": "x"}}},
    }


def on_service(led):
    return {"metadata": {"annotations": {"progressive.delivery/leads-to": led.text}}}


def test_where_a_service_leads_is_read_as_it_was_noted_with_where_it_led_before():
    first = led_to(on_service(leading_to(template("v1"), subset="v1")))
    assert (first.deployment, first.subset, first.before, first.labels["more"]) == ("reviews-v1", "v1", "", "x")
    second = led_to(on_service(leading_to(template("v2"), subset="v2", since=first)))
    assert (second.before, second.before_subset) == ("reviews-v1", "v1")
    again = leading_to(template("v2"), subset="two", since=second)
    assert (again.before, again.before_subset) == ("reviews-v1", "v1"), "the same version, written again"


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"deployment": 1}', '{"deployment": "a", "selector": 3}'])
def test_what_somebody_made_unreadable_leads_nowhere(text):
    assert led_to({"metadata": {"annotations": {"progressive.delivery/leads-to": text}}}) == Led()


# -- what becomes of routes


def books(*http, **more):
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "books", "namespace": "books", "resourceVersion": "1", "uid": "u"},
        "spec": {"hosts": ["reviews"], "http": list(http), **more},
    }


def route(*given, **more):
    """A route to subsets: names, or names with weights."""
    items = [each if isinstance(each, tuple) else (each, None) for each in given]
    there = [({"destination": {"host": "reviews", "subset": name}}, weight) for name, weight in items]
    return {"route": [{**to, **({} if weight is None else {"weight": weight})} for to, weight in there], **more}


def referenced(body, primary, canary, before="", routes=()):
    subsets = Subsets("versions", primary, canary, before=before, versions=True)
    reference = Reference("books", "books", routes)
    spec = RouteSpec(service=ServiceSpec(port=9080), references=(reference,), subsets=subsets)
    return Referenced(names=NAMES, spec=spec, reference=reference, body=body)


def laid(body, percent, *roles, **more):
    return referenced(body, *roles, **more).laid(Traffic.to_canary(percent)).body["spec"]["http"]


def test_a_route_gets_the_new_version_when_its_first_share_is_due_and_not_before():
    assert laid(books(route("v1")), 0, "v1", "v2") == [route("v1")]
    assert laid(books(route("v1")), 10, "v1", "v2") == [route(("v1", 90), ("v2", 10))]


def test_the_new_version_is_reached_like_the_one_that_serves():
    """Else a Service with several ports would not know which, and its answers would lack what all others have."""
    given = {"destination": {"host": "reviews.books", "subset": "v1", "port": {"number": 9080}}, "headers": {"x": 1}}
    old, new = laid(books({"route": [given]}), 10, "v1", "v2")[0]["route"]
    assert old == {**given, "weight": 90}
    assert new == {**given, "destination": {**given["destination"], "subset": "v2"}, "weight": 10}


def test_between_runs_both_roles_are_one_destination_with_all_there_is():
    for body in (books(route("v1")), books(route(("v1", 80), ("v9", 20)))):
        assert laid(body, 0, "v1", "v1") == body["spec"]["http"]
        assert not referenced(body, "v1", "v1").behind


def test_a_promotion_gives_the_new_version_what_the_one_before_still_has():
    body = books(route(("v1", 40), ("v2", 40), ("v9", 20)))
    assert referenced(body, "v2", "v2", "v1").behind
    assert laid(body, 50, "v2", "v2", "v1") == [route(("v1", 0), ("v2", 80), ("v9", 20))]
    assert not referenced(books(route(("v1", 0), ("v2", 100))), "v2", "v2", "v1").behind


def test_a_promotion_is_no_hand_edit():
    """It changes whose role a version is, and writes nothing here."""
    noted = referenced(books(route(("v1", 50), ("v2", 50))), "v1", "v2")
    assert noted.digest == referenced(noted.body, "v2", "v2", "v1").digest
    assert noted.digest == referenced(books(route(("v1", 50), ("v2", 50), ("v3", 0))), "v1", "v2").digest
    assert noted.digest != referenced(books(route(("v1", 60), ("v2", 40))), "v1", "v2").digest


def test_routes_to_other_versions_are_left_alone_unless_they_are_named():
    jason, main = route("v2", name="jason"), route("v1", name="main")
    assert laid(books(jason, main), 100, "v1", "v2")[0] == jason
    named = referenced(books(jason, main), "v1", "v2", routes=("jason",))
    assert [rule["name"] for _, rule, _ in named.splits()] == ["jason"]


def test_the_way_back_to_the_version_before_is_a_run_like_any():
    body = books(route(("v1", 0), ("v2", 100)))
    assert laid(body, 10, "v2", "v1", "v1") == [route(("v1", 10), ("v2", 90))]


def test_connections_are_divided_like_requests():
    body = books(tcp=[route("v1", match=[{"port": 9080}])])
    found = referenced(body, "v1", "v2").laid(Traffic.to_canary(50)).body["spec"]["tcp"]
    assert [each["weight"] for each in found[0]["route"]] == [50, 50]


def test_what_is_given_back_stays_with_the_version_that_serves():
    body = books(route(("v1", 0), ("v2", 100)))
    assert referenced(body, "v2", "v3", "v1").given_back().body == body
