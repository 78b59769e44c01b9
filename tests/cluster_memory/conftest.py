"""What the stories about the cluster in memory start from."""

import pytest

from delivery.cluster.memory import Store, VirtualClock
from delivery.cluster.objects import DEPLOYMENTS, VIRTUAL_SERVICES, Ref


@pytest.fixture
def store(loop):
    return Store(VirtualClock(loop))


@pytest.fixture
def reviews():
    """A reference to the Deployment `reviews`."""
    return Ref(DEPLOYMENTS, "shop", "reviews")


@pytest.fixture
def route():
    """A reference to the VirtualService `reviews`."""
    return Ref(VIRTUAL_SERVICES, "shop", "reviews")


@pytest.fixture
def deployment():
    """Makes the body of a Deployment."""

    def make(name="reviews", *, replicas=4, annotations=None, labels=None, **spec):
        labels = labels or {"app": name}
        template = {
            "metadata": {"labels": labels, "annotations": annotations or {}},
            "spec": {"containers": [{"name": "app", "image": "reviews:1"}]},
        }
        return {
            "metadata": {"name": name, "namespace": "shop", "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
        }

    return make


@pytest.fixture
def virtual_service():
    """Makes the body of a VirtualService."""

    def make(name="reviews", weight=0):
        destination = {"destination": {"host": name}, "weight": weight}
        return {"metadata": {"name": name}, "spec": {"hosts": [name], "http": [{"route": [destination]}]}}

    return make
