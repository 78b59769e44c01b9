"""Our own rules for our own kinds: what the admission webhook would refuse on a real cluster, the sandbox refuses too.

They are the rules of the models, so they hold what a schema cannot say as well (what a CRD says in CEL).
"""

from collections.abc import Callable, Mapping

from delivery.api.parse import (
    InvalidSpec,
    parse_alert_provider,
    parse_approval,
    parse_canary,
    parse_freeze,
    parse_metric_template,
)
from delivery.api.problems import dotted
from delivery.cluster.memory import Admission
from delivery.cluster.memory.rejections import Cause, ContentInvalidError
from delivery.cluster.objects import ALERT_PROVIDERS, APPROVALS, CANARIES, FREEZES, METRIC_TEMPLATES, Kind, Object

PARSERS: Mapping[Kind, Callable[[Object], object]] = {
    CANARIES: parse_canary,
    METRIC_TEMPLATES: parse_metric_template,
    ALERT_PROVIDERS: parse_alert_provider,
    APPROVALS: parse_approval,
    FREEZES: parse_freeze,
}


def admit(admission: Admission) -> None:
    """ContentInvalidError with everything that is wrong with the spec of one of our objects.

    What was let in before can keep its spec: labels and finalizers of it can always be changed.
    """
    parse = PARSERS.get(admission.ref.kind)
    if parse is None or admission.subresource or "deletionTimestamp" in admission.object["metadata"]:
        return
    if admission.old is not None and admission.old.get("spec") == admission.object.get("spec"):
        return
    try:
        parse(admission.object)
    except InvalidSpec as error:
        causes = [
            Cause(
                dotted(problem.path),
                f"given {problem.given}, allowed {problem.allowed}",
                "FieldValueRequired" if problem.missing else "FieldValueInvalid",
            )
            for problem in error.problems
        ]
        raise ContentInvalidError.of(admission.ref, causes) from error
