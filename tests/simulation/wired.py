"""Bookinfo's `reviews` with ConfigMaps and a Secret, and what can be seen of them and of their copies."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from delivery.cluster.objects import CONFIG_MAPS, PODS, SECRETS, Kind, Object, Ref
from delivery.workloads.configs.content import digest
from delivery.workloads.configs.copies import salt_of
from delivery.workloads.configs.references import references
from delivery.workloads.ownership import annotations, labels
from tests.simulation import bookinfo
from tests.simulation.invariants import PRIMARY
from tests.simulation.simulation import Simulation

SETTINGS = Ref(CONFIG_MAPS, bookinfo.NAMESPACE, "settings")
FILES = Ref(CONFIG_MAPS, bookinfo.NAMESPACE, "files")
LOGIN = Ref(SECRETS, bookinfo.NAMESPACE, "login")


def config_map(name: str, data: dict[str, str], **more: Any) -> dict[str, Any]:
    """A ConfigMap as its people apply it."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(name), "data": data, **more}


def secret(name: str, data: dict[str, str], **more: Any) -> dict[str, Any]:
    """A Secret as its people apply it."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _meta(name), "data": encoded, "type": "Opaque", **more}


def _meta(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": bookinfo.NAMESPACE}


class Wired(Simulation):
    """A world in which `reviews` uses configs, whatever its version."""

    def _workload(self, *version: str, **options: Any) -> dict[str, Any]:
        body = super()._workload(*version, **options)
        body["spec"]["template"]["spec"] |= uses(body["spec"]["template"]["spec"]["containers"][0])
        return body


def uses(container: dict[str, Any]) -> dict[str, Any]:
    """The pod's spec that names all three, and one that need not be there."""
    env = [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}}]
    sources = [{"configMap": {"name": "settings"}}, {"configMap": {"name": "extras", "optional": True}}]
    return {
        "containers": [{**container, "envFrom": [{"configMapRef": {"name": "settings"}}], "env": env}],
        "volumes": [
            {"name": "pictures", "configMap": {"name": "files"}},
            {"name": "more", "projected": {"sources": sources}},
        ],
    }


def wire(sim: Simulation) -> None:
    """The configs, before any Canary."""
    sim.apply(CONFIG_MAPS, config_map("settings", {"stars": "black"}))
    sim.apply(CONFIG_MAPS, config_map("files", {}, binaryData={"logo": "aGVsbG8="}, immutable=True))
    sim.apply(SECRETS, secret("login", {"password": "1234"}))


@contextmanager
def world(seed: int) -> Iterator["Wired"]:
    """A world with the configs, whose copies are looked at in the end."""
    with Wired(seed) as sim:
        wire(sim)
        yield sim
        are_named_by_content(sim)


def edit(sim: Simulation, stars: str) -> None:
    """Somebody edits what the program reads."""
    sim.promises.tell(f"edit settings to {stars}")
    sim.merge(SETTINGS, {"data": {"stars": stars}})


def copies(sim: Simulation, kind: Kind = CONFIG_MAPS) -> dict[str, Object]:
    """Our copies by name."""
    found = sim.store.scan(kind, bookinfo.NAMESPACE)
    return {each["metadata"]["name"]: each for each in found if "progressive.delivery/canary" in labels(each)}


def stars(sim: Simulation) -> list[str]:
    """The colours that there are copies of."""
    made = [each for each in copies(sim).values() if "stars" in (each.get("data") or {})]
    return sorted(each["data"]["stars"] for each in made)


def are_named_by_content(sim: Simulation) -> None:
    """No copy holds anything else than what its name says."""
    for kind in (CONFIG_MAPS, SECRETS):
        for name, body in copies(sim, kind).items():
            source = {**body, "metadata": {"name": annotations(body)["progressive.delivery/config"]}}
            assert name.endswith(digest(source, canary=bookinfo.NAME, salt=salt_of(body))), name


def read_by(sim: Simulation, workload: Ref) -> dict[str, Any]:
    """What a workload's pods would read if they began now, by the config's own name."""
    template = (sim.store.peek(workload) or {})["spec"]["template"]
    found = {}
    for config in references(template):
        body = sim.store.peek(config.ref(bookinfo.NAMESPACE))
        if body is not None:
            found[config.name.split("-primary-")[0]] = body.get("data") or body.get("binaryData")
    return found


def served_stars(sim: Simulation) -> str:
    """The colour that the primary shows."""
    return str(read_by(sim, PRIMARY)["settings"]["stars"])


def pods(sim: Simulation) -> set[str]:
    """The uids of the target's living pods."""
    mine = [each for each in sim.store.scan(PODS, bookinfo.NAMESPACE) if labels(each).get("app") == bookinfo.NAME]
    return {each["metadata"]["uid"] for each in mine if "deletionTimestamp" not in each["metadata"]}
