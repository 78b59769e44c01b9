"""The kubeconfig with which kubectl, kopf and the client libraries reach the server: an address and no credentials."""

import yaml

NAME = "delivery-sandbox"


def kubeconfig(url: str, *, namespace: str = "default") -> str:
    """The text of a kubeconfig for the server at `url`, as YAML."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": url}}],
        "users": [{"name": NAME, "user": {}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": namespace}}],
        "current-context": NAME,
    }
    return yaml.safe_dump(config, sort_keys=False)
