"""Deployments that are versions: where the primary service may be led, seen from the pods that there are."""

from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.switched import SwitchedKind

KIND = SwitchedKind(ServiceSpec(port=9080))


def pod(version, *, ready=True):
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    meta = {"name": f"{version}-{ready}", "namespace": "shop", "labels": {"app": "reviews", "version": version}}
    return {"metadata": meta, "status": {"phase": "Running", "conditions": [condition]}}


def test_users_are_not_led_from_a_version_that_is_ready_to_one_whose_pods_are_gone():
    """A Service leads elsewhere at once, and nothing here brings up the pods of a version."""
    meta = {"name": "reviews-primary", "namespace": "shop"}
    primary = {"metadata": meta, "spec": {"selector": {"app": "reviews", "version": "v1"}}}
    template = {"deployment": "reviews-v2", "selector": {"app": "reviews", "version": "v2"}}
    old, new, broken = pod("v1"), pod("v2"), pod("v2", ready=False)
    assert KIND.strands(primary, template, [old, broken])
    assert not KIND.strands(primary, template, [old, new])
    assert not KIND.strands(primary, template, [broken]), "nobody is served: nothing is lost"
