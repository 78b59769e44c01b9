"""Combinations of fields that no route could keep, refused where they are written, not broken where they are used.

TCP knows connections only; a request header can be compared once in a condition; a copied request proves nothing when
the canary has requests of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from delivery.api.matches import AnalysisMatch
from delivery.api.model import broken_rule

if TYPE_CHECKING:
    from delivery.api.canary import CanarySpec

_TCP = "self.service.appProtocol.lowerAscii() == 'tcp'"
_NOT_TCP = f"!(has(self.service.appProtocol) && {_TCP})"
_HTTP_ONLY = {
    "analysis.mirror": "has(self.analysis.mirror) && self.analysis.mirror",
    "service.mirror": "has(self.service.mirror) && size(self.service.mirror) > 0",
    "analysis.match": "has(self.analysis.match) && size(self.analysis.match) > 0",
    "analysis.testerMatch": "has(self.analysis.testerMatch) && size(self.analysis.testerMatch) > 0",
    "analysis.sessionAffinity": "has(self.analysis.sessionAffinity)",
    "service.timeout": "has(self.service.timeout)",
    "service.retries": "has(self.service.retries)",
    "service.rewrite": "has(self.service.rewrite)",
    "service.headers": "has(self.service.headers)",
    "service.corsPolicy": "has(self.service.corsPolicy)",
}
"""Fields that need requests, and when they are given, in CEL."""

_NO_COPIES = (
    f"!({_HTTP_ONLY['analysis.mirror']} && has(self.analysis.iterations) && self.analysis.iterations > 0 && "
    f"{_HTTP_ONLY['analysis.match']})"
)
RULES: tuple[tuple[str, str], ...] = (
    (
        f"{_NOT_TCP} || !({' || '.join(f'({rule})' for rule in _HTTP_ONLY.values())})",
        f"requests cannot be mirrored or told apart with service.appProtocol tcp: no {', '.join(_HTTP_ONLY)}",
    ),
    (
        _NO_COPIES,
        "an A/B test (iterations with match) does not mirror",
    ),
)
"""The same rules as far as CEL can say them at a bearable cost."""


def check(spec: "CanarySpec") -> None:
    """Raise the error of the first broken rule."""
    _no_requests(spec)
    _no_copies_in_an_ab_test(spec)
    for field, conditions in (("match", spec.analysis.match), ("testerMatch", spec.analysis.tester_match)):
        _no_contradiction(f"analysis.{field}", conditions, spec.service.match)
    _one_cookie_condition(spec)


def _no_requests(spec: "CanarySpec") -> None:
    given = [path for path in _HTTP_ONLY if is_given(spec, path)] if spec.service.is_tcp else []
    if given:
        mirroring = "mirroring" if all(path.endswith("mirror") for path in given) else " and ".join(given)
        raise broken_rule(
            given=f'"{spec.service.app_protocol}" together with {mirroring}',
            allowed=f"any protocol but tcp, or none of {', '.join(_HTTP_ONLY)}",
            field="service.appProtocol",
            drop=given,
        )


def is_given(spec: "CanarySpec", path: str) -> bool:
    """Does the field below spec say anything?"""
    at: Any = spec
    for name in path.split("."):
        attribute = next(each for each, field in type(at).model_fields.items() if field.alias == name)
        at = getattr(at, attribute)
        if not at:
            return False
    return True


def _no_copies_in_an_ab_test(spec: "CanarySpec") -> None:
    if spec.analysis.mirror and spec.analysis.iterations and spec.analysis.match:
        raise broken_rule(
            given="true together with iterations and match",
            allowed="mirroring in a canary or blue/green rollout, not in an A/B test",
            field="analysis.mirror",
            drop=("analysis.mirror",),
        )


def _no_contradiction(field: str, first: Sequence[AnalysisMatch], second: Sequence[AnalysisMatch]) -> None:
    """Both conditions must hold of one request, and a route can say one thing of a header only."""
    for index, one in enumerate(first):
        for other, both in enumerate(second):
            for member, name in _contradictions(one, both):
                raise broken_rule(
                    given=f"another condition than service.match[{other}].{member}.{name}",
                    allowed="the same condition, or one of the two only, because both must hold",
                    field=f"{field}[{index}].{member}.{name}",
                    drop=(field,),
                )


def _contradictions(one: AnalysisMatch, other: AnalysisMatch) -> Iterator[tuple[str, str]]:
    pairs: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
        ("headers", one.headers, other.headers),
        ("queryParams", one.query_params, other.query_params),
        ("sourceLabels", one.source_labels, other.source_labels),
    )
    for member, here, there in pairs:
        yield from ((member, name) for name in here if name in there and here[name] != there[name])


def _one_cookie_condition(spec: "CanarySpec") -> None:
    """Session affinity compares the cookie header itself."""
    found = [f"service.match[{i}]" for i, each in enumerate(spec.service.match) if "cookie" in each.headers]
    if spec.analysis.session_affinity is not None and found:
        raise broken_rule(
            given=f"session affinity together with {found[0]}.headers.cookie",
            allowed="one condition on the cookie header: session affinity needs it",
            field="analysis.sessionAffinity",
            drop=("analysis.sessionAffinity",),
        )
