"""Which cluster and namespace a kubeconfig means, for programs that people call by hand.

The controller is told its namespace; somebody at a terminal expects the one that kubectl would take.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import config

POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Context:
    """A context: the kubeconfig to connect with (None: as the Pod that we run in), its name, namespace and user.

    `name` and `user` are empty in a Pod, where there are none.
    """

    kubeconfig: str | None
    name: str
    namespace: str
    user: str = ""


def find_context(kubeconfig: str | None = None, name: str | None = None) -> Context:
    """The context that a person means, found as kubectl finds it.

    The kubeconfig is the given one, else $KUBECONFIG, else that of a Pod, else ~/.kube/config; the context is the named
    one, else the current. Reads files only. ValueError, with the contexts that there are, if none can be used.
    """
    paths = kubeconfig or os.environ.get("KUBECONFIG") or None
    if paths is None and name is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return Context(None, "", _pod_namespace())
    paths = paths or str(config.KUBE_CONFIG_DEFAULT_LOCATION)
    files = [part for part in paths.split(os.pathsep) if part and Path(part).expanduser().is_file()]
    if not files:
        raise ValueError(f"there is no kubeconfig at {paths}; give one by --kubeconfig or KUBECONFIG")
    every, current = _contexts(files)
    wanted = name or current
    if not wanted:
        raise ValueError(f"{paths} has no current context; choose one by --context: {_listed(every)}")
    if wanted not in every:
        raise ValueError(f"{paths} has no context {wanted!r}; it has {_listed(every)}")
    found = every[wanted]
    return Context(paths, wanted, found.get("namespace") or DEFAULT_NAMESPACE, found.get("user") or "")


def _contexts(files: list[str]) -> tuple[dict[str, Mapping[str, Any]], str]:
    """All contexts by name, the first of a name counting, and the current one ("" without)."""
    every: dict[str, Mapping[str, Any]] = {}
    current = ""
    for file in files:
        try:
            content = yaml.safe_load(Path(file).expanduser().read_text(encoding="utf-8")) or {}
            for each in content.get("contexts") or ():
                every.setdefault(each["name"], each.get("context") or {})
            current = content.get("current-context") or current  # the last one counts, as for who then connects
        except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, KeyError, TypeError) as failure:
            raise ValueError(f"{file} is no kubeconfig: {failure}") from failure
    return every, current


def _listed(contexts: Mapping[str, Any]) -> str:
    return ", ".join(sorted(contexts)) or "no contexts at all"


def _pod_namespace() -> str:
    try:
        return POD_NAMESPACE.read_text(encoding="utf-8").strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE
