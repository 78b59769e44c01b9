"""What is wrong only beside other objects: two owners of one workload, a template that is not there."""

from collections.abc import Iterator, Sequence

from delivery.lint.case import Case
from delivery.lint.documents import Document
from delivery.lint.finding import Finding, Mistake, Severity, finding


def compare(cases: Sequence[Case], templates: Sequence[Document]) -> Iterator[Finding]:
    """The mistakes between the objects of all files."""
    yield from _owned_twice(cases)
    known = {_key(each) for each in templates}
    for case in cases if known else ():
        for index, metric in case.metrics:
            ref = metric.template_ref
            if ref is not None and (ref.namespace or case.canary.metadata.namespace, ref.name) not in known:
                yield _at(
                    case,
                    Mistake(
                        rule="no-such-template",
                        path=("spec", "analysis", "metrics", index, "templateRef"),
                        message=f"no MetricTemplate {ref.name} is in the given files, which hold others; it has "
                        "to be in the cluster already",
                    ),
                )


def _owned_twice(cases: Sequence[Case]) -> Iterator[Finding]:
    owners: dict[tuple[str, str, str], Case] = {}
    for case in cases:
        ref = case.canary.spec.target_ref
        first = owners.setdefault((case.canary.metadata.namespace, ref.kind, ref.name), case)
        if first.canary.metadata.name != case.canary.metadata.name:  # the same one twice is a variant of it
            yield _at(
                case,
                Mistake(
                    rule="owned-twice",
                    path=("spec", "targetRef"),
                    message=f"{ref.kind} {ref.name} is released by {first.document.about} too "
                    f"({first.document.file}:{first.document.line(('spec', 'targetRef'))}); only one may",
                    severity=Severity.ERROR,
                ),
            )


def _at(case: Case, mistake: Mistake) -> Finding:
    document = case.document
    return finding(mistake, file=document.file, line=document.line(mistake.path), about=document.about)


def _key(document: Document) -> tuple[str, str]:
    metadata = document.body.get("metadata") or {}
    return str(metadata.get("namespace") or "default"), str(metadata.get("name"))
