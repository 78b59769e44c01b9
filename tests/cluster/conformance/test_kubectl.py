"""What people type, told to both servers by the real kubectl: it prints the same.

Ages and generated names are masked, columns are compared without their padding. Pods are made ready on both sides, so
rollouts end. Stories with definitions and tables of custom kinds run on the project's own kinds.
"""

import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from tests.cluster.conformance.asking import Server, agree
from tests.cluster.conformance.objects import CANARY, deployment
from tests.cluster.conformance.test_requests import by_name

Story = Callable[[Server], Awaitable[None]]


def manifest(*bodies: object) -> str:
    """Some objects for `kubectl apply -f -`."""
    return "\n---\n".join(json.dumps(body) for body in bodies)


async def apply_creates_then_configures_then_leaves_alone(server: Server) -> None:
    web = deployment(replicas=1)
    apply = ("apply", *server.unvalidated, "-f", "-")
    assert (await server.kubectl(*apply, stdin=manifest(web, CANARY), keep=False)).count("created") == 2
    assert (await server.kubectl(*apply, stdin=manifest(web, CANARY), keep=False)).count("unchanged") == 2
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "example/app:v2"
    changed = {**CANARY, "spec": {**CANARY["spec"], "suspend": True}}
    assert (await server.kubectl(*apply, stdin=manifest(web, changed), keep=False)).count("configured") == 2
    await server.kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[*]}")
    await server.kubectl("get", "pdc", "reviews", "-o", "jsonpath={.spec}")
    del web["spec"]["template"]["spec"]["containers"][0]["ports"]
    await server.kubectl(*apply, stdin=manifest(web, CANARY), keep=False)
    await server.kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[*]}")
    await server.kubectl("get", "pdc", "reviews", "-o", "jsonpath={.spec}")


async def a_rollout_is_waited_for(server: Server) -> None:
    await server.kubectl("apply", *server.unvalidated, "-f", "-", stdin=manifest(deployment(replicas=2)))
    done = await server.kubectl("rollout", "status", "deploy/web", "--timeout=30s", keep=False)
    assert 'deployment "web" successfully rolled out' in done
    await server.kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=30s")
    await server.kubectl("get", "deploy", "web", "--no-headers", "-o", "wide")
    await server.kubectl("set", "image", "deploy/web", "app=example/app:v2")
    done = await server.kubectl("rollout", "status", "deploy/web", "--timeout=30s", keep=False)
    assert 'deployment "web" successfully rolled out' in done
    await server.kubectl("scale", "deploy/web", "--replicas=0")
    await server.kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=30s", keep=False)
    await server.kubectl("get", "deploy", "web")
    await server.kubectl("get", "deploy", "web", "-o", "jsonpath={.metadata.generation} {.spec.replicas}")


async def labels_annotations_and_patches(server: Server) -> None:
    await server.kubectl("apply", *server.unvalidated, "-f", "-", stdin=manifest(CANARY, deployment()), keep=False)
    for thing in ("pdc/reviews", "deploy/web"):
        await server.kubectl("label", thing, "team=a")
        await server.kubectl("label", thing, "team=b")
        await server.kubectl("label", thing, "team=b", "--overwrite")
        await server.kubectl("annotate", thing, "note=hello")
        await server.kubectl("label", thing, "team-")
        await server.kubectl("get", thing, "-o", "jsonpath={.metadata.labels} {.metadata.annotations.note}")
    await server.kubectl("patch", "pdc", "reviews", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    await server.kubectl("patch", "pdc", "reviews", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    await server.kubectl("patch", "deploy", "web", "-p", '{"spec":{"paused":true}}')
    await server.kubectl(
        "patch", "pdc", "reviews", "--type=json", "-p", '[{"op":"remove","path":"/spec/nothing"}]', keep=False
    )
    await server.kubectl("patch", "pdc", "reviews", "--type=merge", "-p", '{"spec":{"service":{"port":"x"}}}')
    await server.kubectl("get", "pdc", "reviews", "-o", "jsonpath={.spec.suspend} {.metadata.generation}")


async def get_in_its_forms(server: Server) -> None:
    await server.kubectl("apply", *server.unvalidated, "-f", "-", stdin=manifest(CANARY, deployment()), keep=False)
    await server.kubectl("create", "configmap", "settings", "--from-literal=a=1", "--from-literal=b=2")
    await server.kubectl("create", "secret", "generic", "hidden", "--from-literal=a=1")
    await server.kubectl("create", "service", "clusterip", "web", "--tcp=80:8080", keep=False)
    await server.kubectl("get", "pdc")
    await server.kubectl("get", "pdc", "-o", "wide")
    await server.kubectl("get", "canaries.progressive.delivery", "-o", "name")
    await server.kubectl("get", "deploy,pdc", "--show-labels")
    await server.kubectl("get", "cm", "settings")
    await server.kubectl("get", "cm", "settings", "-o", "jsonpath={.data}")
    await server.kubectl("get", "secret", "hidden")
    await server.kubectl("get", "deploy", "web", "-o", "wide")
    await server.kubectl("get", "pods")
    await server.kubectl("get", "pdc", "none")
    await server.kubectl("get", "nonsense")
    await server.kubectl("get", "crd", "canaries.progressive.delivery", "--no-headers", "-o", "name")
    await server.kubectl("get", "ns", server.namespace)


async def get_watch_shows_each_change(server: Server) -> None:
    await server.kubectl("apply", *server.unvalidated, "-f", "-", stdin=manifest(CANARY), keep=False)
    seen = []
    async with aclosing(server.lines("get", "pdc", "-w", "--output-watch-events")) as lines:  # type: ignore[type-var]
        async for line in lines:
            seen.append(line)
            if len(seen) == 2:
                await server.kubectl("label", "pdc/reviews", "team=a")
            elif len(seen) == 3:
                await server.kubectl("delete", "pdc/reviews")
            elif len(seen) == 4:
                break
    assert [line.split()[0] for line in seen] == ["EVENT", "ADDED", "MODIFIED", "DELETED"]
    server.note(seen)


async def describe_tells_of_events(server: Server) -> None:
    await server.kubectl("apply", *server.unvalidated, "-f", "-", stdin=manifest(CANARY), keep=False)
    uid = await server.kubectl("get", "pdc", "reviews", "-o", "jsonpath={.metadata.uid}")
    about = {"kind": "Canary", "namespace": server.namespace, "name": "reviews", "uid": uid.strip(),
             "apiVersion": CANARY["apiVersion"]}  # fmt: skip
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "reviews.1", "namespace": server.namespace},
        "involvedObject": about,
        "reason": "Synced",
        "message": "New revision detected",
        "type": "Normal",
        "source": {"component": "progressive-delivery"},
        "count": 1,
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    await server.kubectl("create", *server.unvalidated, "-f", "-", stdin=manifest(event))
    described = await server.kubectl("describe", "pdc", "reviews")
    assert "New revision detected" in described
    events = await server.kubectl("events", "--for", "canary.v1beta1.progressive.delivery/reviews", keep=False)
    assert "New revision detected" in events
    await server.kubectl("get", "events", "--no-headers", "-o", "custom-columns=R:.reason,M:.message")


async def delete_in_its_forms(server: Server) -> None:
    await server.kubectl(
        "apply", *server.unvalidated, "-f", "-", stdin=manifest(CANARY, deployment(replicas=1)), keep=False
    )
    await server.kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=30s")
    await server.kubectl("delete", "pdc", "reviews")
    await server.kubectl("delete", "pdc", "reviews")
    await server.kubectl("delete", "pdc", "reviews", "--ignore-not-found")
    await server.kubectl("delete", "deploy", "web", "--cascade=foreground", "--timeout=30s")
    gone = await server.kubectl("get", "deploy,rs,pods", "-l", "app=web")
    assert "No resources found" in gone or not gone.strip()
    await server.kubectl("create", "configmap", "a")
    await server.kubectl("delete", "configmap", "a", "--dry-run=server")
    await server.kubectl("delete", "configmap", "a", "--wait=false")


async def kubectl_creates_what_it_can_create(server: Server) -> None:
    await server.kubectl("create", "deployment", "made", "--image=example/app:v1", "--replicas=0", "--port=80")
    await server.kubectl("get", "deploy", "made", "-o", "jsonpath={.spec}")
    await server.kubectl("create", "serviceaccount", "me")
    await server.kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods")
    await server.kubectl("get", "role", "reader", "-o", "jsonpath={.rules}")
    await server.kubectl("create", "rolebinding", "mine", "--role=reader", f"--serviceaccount={server.namespace}:me")
    await server.kubectl("get", "rolebinding", "mine", "-o", "jsonpath={.roleRef} {.subjects}")
    await server.kubectl("create", "service", "clusterip", "web", "--tcp=80:8080")
    await server.kubectl("get", "service", "web", "-o", "jsonpath={.spec.ports} {.spec.selector} {.spec.type}")
    await server.kubectl("create", "secret", "generic", "hidden", "--from-literal=a=1")
    await server.kubectl("get", "secret", "hidden", "-o", "jsonpath={.data} {.type}")
    await server.kubectl("create", "configmap", "a", "--from-literal=x=1")
    await server.kubectl("create", "configmap", "a", "--from-literal=x=1")
    await server.kubectl("auth", "can-i", "create", "pods")


async def server_side_apply_and_what_else_is_refused(server: Server) -> None:
    if server.name == "real":
        return  # which does all of it
    told = await server.kubectl("apply", "--server-side", "-f", "-", stdin=manifest(CANARY), keep=False)
    assert "use kubectl apply without --server-side" in told


STORIES: list[Story] = [
    apply_creates_then_configures_then_leaves_alone,
    a_rollout_is_waited_for,
    labels_annotations_and_patches,
    get_in_its_forms,
    get_watch_shows_each_change,
    describe_tells_of_events,
    delete_in_its_forms,
    kubectl_creates_what_it_can_create,
]


@pytest.mark.parametrize("story", [*STORIES, server_side_apply_and_what_else_is_refused], ids=by_name)
async def test_the_sandbox(sandbox: Server, story: Story) -> None:
    await story(sandbox)


@pytest.mark.cluster
@pytest.mark.parametrize("story", STORIES, ids=by_name)
async def test_the_real_one_agrees(real: Server, sandbox: Server, story: Story) -> None:
    await agree(story, real=real, sandbox=sandbox)
