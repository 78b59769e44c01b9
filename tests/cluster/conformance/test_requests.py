"""Plain requests, told to both servers: codes, reasons, messages and the shape of every answer agree."""

from collections.abc import Awaitable, Callable

import pytest

from tests.cluster.conformance.asking import (
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    TABLE,
    Server,
    agree,
)
from tests.cluster.conformance.objects import CANARY, DEFINITION, config, deployment
from tests.cluster.conformance.reading_stories import (
    a_watch_tells_everything_in_order,
    a_watch_that_can_not_be,
    a_watch_with_bookmarks_and_one_in_tables,
    lists_by_selectors_and_in_pages,
    objects_as_tables_and_as_metadata,
)

Story = Callable[[Server], Awaitable[None]]


async def an_object_is_created_read_and_replaced(server: Server) -> None:
    maps = f"{server.home}/configmaps"
    created = await server.ask("POST", maps, config("a", x="1"))
    assert created.code == 201
    read = await server.ask("GET", f"{maps}/a")
    assert read.body["data"] == {"x": "1"}
    changed = {**read.body, "data": {"x": "2"}}
    assert (await server.ask("PUT", f"{maps}/a", changed)).code == 200
    late = await server.ask("PUT", f"{maps}/a", changed)
    assert (late.code, late.reason) == (409, "Conflict")
    assert (await server.ask("PUT", f"{maps}/a", config("a", x="3"))).code == 200  # unconditional


async def what_is_missing_and_what_is_taken(server: Server) -> None:
    maps = f"{server.home}/configmaps"
    missing = await server.ask("GET", f"{maps}/none")
    assert (missing.code, missing.reason) == (404, "NotFound")
    await server.ask("POST", maps, config("a"))
    taken = await server.ask("POST", maps, config("a"))
    assert (taken.code, taken.reason) == (409, "AlreadyExists")
    for method in ("PUT", "DELETE"):
        assert (await server.ask(method, f"{maps}/none", config("none") if method == "PUT" else None)).code == 404
    await server.ask("PATCH", f"{maps}/none", {"data": {"a": "b"}}, kind=MERGE_PATCH)
    await server.ask("GET", server.path("apps/v1", "deployments") + "/none")
    await server.ask("GET", server.path("progressive.delivery/v1beta1", "canaries") + "/none")
    for path in ("/apis/example.com/v1/things", "/apis/apps/v1/things", "/api/v2", "/apis/example.com"):
        assert (await server.ask("GET", path, wording=False)).code == 404
    elsewhere = await server.ask("POST", "/api/v1/namespaces/no-such/configmaps", config("a"))
    assert (elsewhere.code, elsewhere.body["message"]) == (404, 'namespaces "no-such" not found')


async def bodies_that_do_not_fit_their_path(server: Server) -> None:
    maps = f"{server.home}/configmaps"
    await server.ask("POST", maps, config("a"))
    for body in ({"metadata": {}}, {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "b"}}, "{", "[]"):
        refused = await server.ask("POST", maps, body, wording=False, ignore=("details",))
        assert refused.code in (400, 422)
    await server.ask("POST", maps, {"metadata": {"name": "b", "namespace": "other"}}, wording=False)
    await server.ask("PUT", f"{maps}/a", config("b"))
    await server.ask("PUT", f"{maps}/a", {"metadata": {}}, wording=False)
    await server.ask("PUT", f"{maps}/a", {"metadata": {"name": "a", "namespace": "other"}})
    await server.ask("POST", f"{maps}/a", config("a"), wording=False)
    await server.ask("POST", maps, config("b"), kind="text/plain", wording=False)
    await server.ask("POST", maps, {"metadata": {"name": "b", "resourceVersion": "1"}}, wording=False)
    await server.ask("POST", maps, {"metadata": {"name": "Not_A_Name"}})
    await server.ask("POST", maps, {"metadata": {"name": "b", "labels": {"a": "not valid"}}})


async def patches_of_each_form(server: Server) -> None:
    maps = f"{server.home}/configmaps"
    created = await server.ask("POST", maps, config("a", x="1", y="1"))
    merged = await server.ask("PATCH", f"{maps}/a", {"data": {"x": None, "z": "1"}}, kind=MERGE_PATCH)
    assert merged.body["data"] == {"y": "1", "z": "1"}
    same = await server.ask("PATCH", f"{maps}/a", {"data": {"z": "1"}}, kind=MERGE_PATCH)
    assert same.version == merged.version
    ops = [{"op": "test", "path": "/data/y", "value": "1"}, {"op": "replace", "path": "/data/y", "value": "2"}]
    assert (await server.ask("PATCH", f"{maps}/a", ops, kind=JSON_PATCH)).body["data"]["y"] == "2"
    failed = await server.ask("PATCH", f"{maps}/a", ops, kind=JSON_PATCH, wording=False)
    assert (failed.code, failed.reason) == (422, "Invalid")
    await server.ask(
        "PATCH", f"{maps}/a", [{"op": "add", "path": "/no/way", "value": 1}], kind=JSON_PATCH, wording=False
    )
    await server.ask("PATCH", f"{maps}/a", [{"op": "shake", "path": "/data"}], kind=JSON_PATCH, wording=False)
    await server.ask("PATCH", f"{maps}/a", {"metadata": {"name": "b"}}, kind=MERGE_PATCH, wording=False)
    old = {"metadata": {"resourceVersion": created.version}, "data": {"q": "1"}}
    assert (await server.ask("PATCH", f"{maps}/a", old, kind=MERGE_PATCH)).code == 409
    await server.ask("PATCH", f"{maps}/a", {"metadata": {"uid": "other"}}, kind=MERGE_PATCH, wording=False)
    await server.ask("PATCH", f"{maps}/a", {"data": {}}, kind="application/json", wording=False)


async def a_strategic_patch_merges_lists_of_builtin_kinds_only(server: Server) -> None:
    deployments = server.path("apps/v1", "deployments")
    await server.ask("POST", deployments, deployment(), ignore=("status",))
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "example/app:v2"}]}}}}
    late = ("status", "annotations")  # what the deployment controller writes, sooner or later
    patched = await server.ask("PATCH", f"{deployments}/web", change, kind=STRATEGIC_PATCH, ignore=late)
    container = patched.body["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["ports"][0]["containerPort"]) == ("example/app:v2", 80)
    canaries = server.path("progressive.delivery/v1beta1", "canaries")
    await server.ask("POST", canaries, CANARY)
    refused = await server.ask("PATCH", f"{canaries}/reviews", change, kind=STRATEGIC_PATCH, wording=False)
    assert (refused.code, refused.reason) == (415, "UnsupportedMediaType")


async def a_deployment_gets_defaults_and_its_rules(server: Server) -> None:
    deployments = server.path("apps/v1", "deployments")
    assert (await server.ask("POST", deployments, deployment(), ignore=("status",))).code == 201
    other = deployment("other")
    other["spec"]["template"]["metadata"]["labels"] = {"app": "else"}
    refused = await server.ask("POST", deployments, other, wording=False)  # newer servers print a map as JSON
    assert (refused.code, refused.reason) == (422, "Invalid")
    moved = {"spec": {"selector": {"matchLabels": {"app": "else"}}}}
    await server.ask("PATCH", f"{deployments}/web", moved, kind=MERGE_PATCH, wording=False)
    nameless = deployment("nameless")
    nameless["spec"]["template"]["spec"]["containers"] = [{"image": "x"}]
    await server.ask("POST", deployments, nameless)
    await server.ask("POST", deployments, {**deployment("bad"), "spec": {"replicas": "many"}}, wording=False)


async def a_service_gets_defaults_and_its_rules(server: Server) -> None:
    services = f"{server.home}/services"
    newer = ("status", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")  # of releases after 1.20
    body = {"metadata": {"name": "reviews"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "reviews"}}}
    created = await server.ask("POST", services, body, ignore=newer)
    assert created.body["spec"]["ports"][0]["targetPort"] == 80
    port = [{"op": "replace", "path": "/spec/ports/0/port", "value": 70000}]
    assert (await server.ask("PATCH", f"{services}/reviews", port, kind=JSON_PATCH)).code == 422
    assert (await server.ask("POST", services, {"metadata": {"name": "none"}, "spec": {}})).code == 422


async def a_scale_is_read_and_written(server: Server) -> None:
    deployments = server.path("apps/v1", "deployments")
    await server.ask("POST", deployments, deployment(), ignore=("status",))
    scale = await server.ask("GET", f"{deployments}/web/scale")
    assert scale.body["status"]["selector"] == "app=web"
    body = {"metadata": {"name": "web", "namespace": server.namespace}, "spec": {"replicas": 0}}
    await server.ask("PUT", f"{deployments}/web/scale", body)
    answer = await server.ask("PATCH", f"{deployments}/web/scale", {"spec": {"replicas": 0}}, kind=MERGE_PATCH)
    assert answer.body["kind"] == "Scale"
    below = await server.ask(
        "PATCH", f"{deployments}/web/scale", {"spec": {"replicas": -1}}, kind=MERGE_PATCH, wording=False
    )
    assert below.code == 422
    assert (await server.ask("GET", f"{server.home}/configmaps/a/scale", wording=False)).code == 404
    assert (await server.ask("GET", f"{deployments}/none/scale")).code == 404


async def a_status_is_apart_from_the_rest(server: Server) -> None:
    canaries = server.path("progressive.delivery/v1beta1", "canaries")
    created = await server.ask("POST", canaries, {**CANARY, "status": {"phase": "Failed"}})
    assert (created.code, created.body["metadata"]["generation"]) == (201, 1)
    assert "status" not in created.body
    both = {"status": {"phase": "Progressing"}, "spec": {"suspend": True}}
    changed = await server.ask("PATCH", f"{canaries}/reviews/status", both, kind=MERGE_PATCH)
    assert changed.body["metadata"]["generation"] == 1
    changed = await server.ask("PATCH", f"{canaries}/reviews", both, kind=MERGE_PATCH)
    assert (changed.body["metadata"]["generation"], changed.body["status"]["phase"]) == (2, "Progressing")
    read = await server.ask("GET", f"{canaries}/reviews/status")
    assert read.code == 200
    await server.ask("PATCH", f"{server.home}/configmaps/a/status", {}, kind=MERGE_PATCH, wording=False)


async def a_custom_object_meets_its_schema(server: Server) -> None:
    canaries = server.path("progressive.delivery/v1beta1", "canaries")
    unknown = {**CANARY, "spec": {**CANARY["spec"], "noSuchField": 1}}
    created = await server.ask("POST", canaries, unknown)
    assert "noSuchField" not in created.body["spec"]
    wrong = {**CANARY, "metadata": {"name": "other"}, "spec": {**CANARY["spec"], "service": {"port": "http"}}}
    refused = await server.ask("POST", canaries, wrong)
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert refused.body["details"]["causes"][0]["field"] == "spec.service.port"
    await server.ask("POST", canaries, {**CANARY, "metadata": {"name": "bare"}, "spec": {}})
    unversioned = {**created.body, "metadata": {"name": "reviews"}}
    assert (await server.ask("PUT", f"{canaries}/reviews", unversioned)).code == 422
    await server.ask("POST", canaries, {**CANARY, "apiVersion": "progressive.delivery/v9"}, wording=False)
    await server.ask("POST", canaries, {"metadata": {"name": "x"}}, wording=False)
    await server.ask("GET", "/apis/progressive.delivery/v1beta1/canaries/reviews", wording=False)


async def deletion_with_its_options(server: Server) -> None:
    maps = f"{server.home}/configmaps"
    created = await server.ask("POST", maps, config("a"))
    wrong = {"preconditions": {"uid": "other"}}
    refused = await server.ask("DELETE", f"{maps}/a", wrong)
    assert (refused.code, refused.reason) == (409, "Conflict")
    old = await server.ask("DELETE", f"{maps}/a", {"preconditions": {"resourceVersion": "1"}}, wording=False)
    assert "does not match the ResourceVersion in record" in old.body["message"]
    await server.ask("DELETE", f"{maps}/a", {"propagationPolicy": "Sometimes"}, wording=False)
    right = {"preconditions": {"uid": created.body["metadata"]["uid"]}, "propagationPolicy": "Background"}
    gone = await server.ask("DELETE", f"{maps}/a", right)
    assert (gone.code, gone.body["status"]) == (200, "Success")
    held = config("held")
    held["metadata"]["finalizers"] = ["test/held"]
    await server.ask("POST", maps, held)
    leaving = await server.ask("DELETE", f"{maps}/held")
    assert leaving.body["metadata"]["deletionTimestamp"]
    await server.ask("DELETE", f"{maps}/held")
    added = [{"op": "add", "path": "/metadata/finalizers/-", "value": "test/more"}]
    await server.ask("PATCH", f"{maps}/held", added, kind=JSON_PATCH, wording=False)
    freed = await server.ask("PATCH", f"{maps}/held", {"metadata": {"finalizers": None}}, kind=MERGE_PATCH)
    assert freed.code == 200
    assert (await server.ask("GET", f"{maps}/held")).code == 404


async def a_collection_is_deleted_by_its_labels(server: Server) -> None:
    secrets = f"{server.home}/secrets"
    for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
        await server.ask("POST", secrets, {"metadata": {"name": name, "labels": {"l": label}}})
    await server.ask("DELETE", f"{secrets}?labelSelector=l%3Dx")
    left = await server.ask("GET", f"{secrets}?labelSelector=l")
    assert [item["metadata"]["name"] for item in left.body["items"]] == ["c"]


async def dry_runs_change_nothing(server: Server) -> None:
    maps = f"{server.home}/configmaps"
    assert (await server.ask("POST", f"{maps}?dryRun=All", config("a"), ignore=("resourceVersion",))).code == 201
    assert (await server.ask("GET", f"{maps}/a")).code == 404
    await server.ask("POST", maps, config("a", x="1"))
    dry = await server.ask("PATCH", f"{maps}/a?dryRun=All", {"data": {"x": "2"}}, kind=MERGE_PATCH)
    assert dry.body["data"] == {"x": "2"}
    assert (await server.ask("DELETE", f"{maps}/a?dryRun=All")).code == 200
    assert (await server.ask("GET", f"{maps}/a")).body["data"] == {"x": "1"}
    assert (await server.ask("POST", f"{maps}?dryRun=Some", config("b"), wording=False, ignore=("details",))).code in (
        400,
        422,
    )


async def names_are_generated(server: Server) -> None:
    secrets = f"{server.home}/secrets"
    created = await server.ask("POST", secrets, {"metadata": {"generateName": "s-"}})
    assert created.body["metadata"]["name"].startswith("s-")
    assert len(created.body["metadata"]["name"]) == 7


async def an_event_is_written_and_found(server: Server) -> None:
    about = {"kind": "Canary", "namespace": server.namespace, "name": "reviews", "uid": "u"}
    body = {
        "metadata": {"name": "reviews.1"},
        "involvedObject": about,
        "reason": "Synced",
        "message": "hello",
        "type": "Normal",
    }
    empty = ("source", "reportingComponent", "reportingInstance")  # which a server in Go writes out
    assert (await server.ask("POST", f"{server.home}/events", body, ignore=empty)).code == 201
    selector = "involvedObject.name%3Dreviews,involvedObject.kind%3DCanary"
    found = await server.ask("GET", f"{server.home}/events?fieldSelector={selector}", ignore=empty)
    assert len(found.body["items"]) == 1
    assert (await server.ask("POST", f"{server.home}/events", body)).code == 409


async def everybody_may_ask_what_they_may(server: Server) -> None:
    attributes = {"namespace": server.namespace, "verb": "create", "resource": "pods"}
    body = {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"resourceAttributes": attributes},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = await server.ask("POST", path, body, ignore=("reason",))
    assert (answer.code, answer.body["status"]["allowed"]) == (201, True)


async def a_lease_is_only_replaced_in_its_version(server: Server) -> None:
    leases = server.path("coordination.k8s.io/v1", "leases")
    body = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}}
    await server.ask("POST", leases, body)
    assert (await server.ask("PUT", f"{leases}/l", body)).code == 422


async def a_namespace_that_is_leaving_takes_nothing_new(server: Server) -> None:
    held = config("held")
    held["metadata"]["finalizers"] = ["test/held"]
    await server.ask("POST", f"{server.home}/configmaps", held)
    leaving = await server.ask(
        "DELETE",
        f"/api/v1/namespaces/{server.namespace}",
        ignore=("labels", "conditions", "deletionGracePeriodSeconds", "phase"),
    )
    assert leaving.body["metadata"]["deletionTimestamp"]
    late = await server.ask("POST", f"{server.home}/secrets", {"metadata": {"name": "late"}})
    assert (late.code, late.body["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    await server.ask(
        "PATCH",
        f"{server.home}/configmaps/held",
        {"metadata": {"finalizers": None}},
        kind=MERGE_PATCH,
        ignore=("deletionTimestamp", "deletionGracePeriodSeconds"),
    )


async def a_definition_makes_a_kind_and_takes_it_away(server: Server) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    late = ("status", "finalizers", "deletionTimestamp")  # which a real server writes a moment later
    late += ("generation", "deletionGracePeriodSeconds")  # and it counts no generation when one is deleted
    created = await server.ask("POST", definitions, DEFINITION, ignore=late)
    assert created.code == 201
    await server.kubectl("wait", "--for=condition=Established", "crd/lamps.light.example", "--timeout=20s")
    lamps = server.path("light.example/v1", "lamps")
    await server.until(lamps)
    lamp = {"apiVersion": "light.example/v1", "kind": "Lamp", "metadata": {"name": "a"}, "spec": {"watts": 40}}
    made = await server.ask("POST", lamps, lamp)
    assert made.body["spec"] == {"watts": 40, "colour": "white"}
    await server.ask("PATCH", f"{lamps}/a/status", {"status": {"lit": True}}, kind=MERGE_PATCH)
    scale = await server.ask("GET", f"{lamps}/a/scale")
    assert scale.body["spec"]["replicas"] == 40
    table = await server.ask("GET", lamps, accept=TABLE, ignore=("description",))
    assert table.body["rows"][0]["cells"][:2] == ["a", 40]
    await server.ask("POST", lamps, {**lamp, "metadata": {"name": "b"}, "spec": {"watts": 1, "colour": "brown"}})
    kinds = await server.ask("GET", "/apis/light.example/v1", ignore=("storageVersionHash", "resources"))
    found = kinds.body["resources"]
    assert {"lamps", "lamps/status", "lamps/scale"} == {one["name"] for one in found}
    await server.ask("POST", definitions, DEFINITION, ignore=late)
    wrong = {**DEFINITION, "metadata": {"name": "wrong.light.example"}}
    assert (await server.ask("POST", definitions, wrong, wording=False, ignore=late)).code == 422
    await server.ask("DELETE", f"{definitions}/lamps.light.example", ignore=late)
    await server.kubectl("wait", "--for=delete", "crd/lamps.light.example", "--timeout=20s", keep=False)
    assert (await server.ask("GET", f"{definitions}/lamps.light.example")).code == 404


STORIES: list[Story] = [
    a_definition_makes_a_kind_and_takes_it_away,
    an_object_is_created_read_and_replaced,
    what_is_missing_and_what_is_taken,
    bodies_that_do_not_fit_their_path,
    patches_of_each_form,
    a_strategic_patch_merges_lists_of_builtin_kinds_only,
    a_deployment_gets_defaults_and_its_rules,
    a_service_gets_defaults_and_its_rules,
    a_scale_is_read_and_written,
    a_status_is_apart_from_the_rest,
    a_custom_object_meets_its_schema,
    deletion_with_its_options,
    a_collection_is_deleted_by_its_labels,
    lists_by_selectors_and_in_pages,
    objects_as_tables_and_as_metadata,
    a_watch_tells_everything_in_order,
    a_watch_with_bookmarks_and_one_in_tables,
    a_watch_that_can_not_be,
    dry_runs_change_nothing,
    names_are_generated,
    an_event_is_written_and_found,
    everybody_may_ask_what_they_may,
    a_lease_is_only_replaced_in_its_version,
    a_namespace_that_is_leaving_takes_nothing_new,
]


def by_name(story: Story) -> str:
    return story.__name__


@pytest.mark.cluster
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1",
        "/apis/apps/v1",
        "/apis/coordination.k8s.io/v1",
        "/apis/apiextensions.k8s.io/v1",
        "/apis/progressive.delivery/v1beta1",
        "/apis/networking.istio.io/v1",
    ],
)
async def test_what_the_sandbox_serves_is_served_by_the_real_one_too(real: Server, sandbox: Server, path: str) -> None:
    ours = (await sandbox.ask("GET", path)).body["resources"]
    theirs = {one["name"]: one for one in (await real.ask("GET", path)).body["resources"]}

    for one in ours:
        same = theirs[one["name"]]
        for member in ("kind", "namespaced", "shortNames", "categories", "group", "version"):
            assert one.get(member) == same.get(member), one
        newer = {"deletecollection"} if one["name"] == "services" else set()  # since 1.23
        assert set(one["verbs"]) - newer <= set(same["verbs"]), one


@pytest.mark.parametrize("story", STORIES, ids=by_name)
async def test_the_sandbox(sandbox: Server, story: Story) -> None:
    await story(sandbox)


@pytest.mark.cluster
@pytest.mark.parametrize("story", STORIES, ids=by_name)
async def test_the_real_one_agrees(real: Server, sandbox: Server, story: Story) -> None:
    await agree(story, real=real, sandbox=sandbox)
