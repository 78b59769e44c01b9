"""Who may do what: everybody everything. kubectl and operators ask before they begin, so they are answered."""

from typing import Any

from delivery.cluster.memory.rejections import BadRequestError
from delivery.cluster.objects import Kind
from delivery.sandbox.server.served import Body

AUTHORIZATION = "authorization.k8s.io"
AUTHENTICATION = "authentication.k8s.io"
USER = "system:anonymous"

REVIEWS = tuple(
    Kind(group, "v1", name, f"{name.lower()}s", namespaced=name.startswith("Local"))
    for group, names in (
        (AUTHORIZATION, ("SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview")),
        (AUTHORIZATION, ("LocalSubjectAccessReview",)),
        (AUTHENTICATION, ("SelfSubjectReview",)),
    )
    for name in names
)
"""Kinds that are answered and never stored."""

_EVERYTHING = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}


def find(path: str) -> Kind | None:
    """The review that is created at a path, if it is one."""
    parts = path.strip("/").split("/")
    if len(parts) == 6 and parts[3] == "namespaces":
        parts = [*parts[:3], parts[5]]
    return next((kind for kind in REVIEWS if parts == ["apis", kind.group, kind.version, kind.plural]), None)


def answer(kind: Kind, body: Any) -> Body:
    """The review with its verdict; BadRequestError if the body is none."""
    if not isinstance(body, dict) or body.get("kind", kind.kind) != kind.kind:
        raise BadRequestError(f"a {kind.kind} is needed, not {body!r:.80}")
    return {
        **body,
        "kind": kind.kind,
        "apiVersion": kind.api_version,
        "metadata": body.get("metadata") or {"creationTimestamp": None},
        "status": _verdict(kind),
    }


def _verdict(kind: Kind) -> Body:
    if kind.kind == "SelfSubjectReview":
        return {"userInfo": {"username": USER, "groups": ["system:unauthenticated"]}}
    if kind.kind == "SelfSubjectRulesReview":
        return dict(_EVERYTHING)
    return {"allowed": True, "reason": "the sandbox allows everything to everybody"}
