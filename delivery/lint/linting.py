"""All rules on all files: what is found, in the order of files and lines."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from delivery.api.canary import Canary
from delivery.api.templates import MetricTemplate
from delivery.lint import objects, queries, risky, together, unreachable
from delivery.lint.case import Case
from delivery.lint.documents import Document, read
from delivery.lint.finding import Finding, Mistake, Severity, finding
from delivery.lint.ignored import Ignored, ignored

RULES = (*unreachable.RULES, *risky.RULES, *queries.RULES)
WARNINGS = (
    *("no-effect", "skipped-analysis", "step-above-max", "always-passes"),
    *("one-strike", "short-window", "hash-with-weights", "off-bucket", "nothing-decides", "proceeds-unknown"),
    *("large-first-step", "small-last-step", "no-capacity-check", "short-deadline", "unchecked-certificate"),
    *("names-nobody", "range-below-window", "promql-series", "no-such-template"),
)
"""The rules that a comment can switch off."""
ENDINGS = (".yaml", ".yml", ".json")


def files_of(given: Sequence[Path]) -> list[Path]:
    """The files that are given, and those below folders that are given, each once."""
    found: dict[Path, None] = {}
    for each in given:
        inside = sorted(file for file in each.rglob("*") if file.suffix in ENDINGS) if each.is_dir() else [each]
        found.update(dict.fromkeys(inside))
    return list(found)


def lint(texts: Iterable[tuple[str, str]], *, scrape_seconds: float = 15.0) -> list[Finding]:
    """What is wrong with manifests, given as (name of the file, its text). Objects of other groups are passed over.

    `scrape_seconds`: how often Prometheus scrapes the proxies, above 0.
    """
    found: list[Finding] = []
    cases: list[Case] = []
    templates: list[Document] = []
    meant: dict[str, Ignored] = {}
    for file, text in texts:
        documents, unreadable = read(text, file=file)
        meant[file], wrong = ignored(text, file=file, rules=WARNINGS)
        found += [*unreadable, *wrong]
        for document in documents:
            if not isinstance(document.body, dict) or not objects.is_ours(document):
                continue
            value, mistakes = objects.parsed(document)
            found += _placed(document, mistakes)
            if isinstance(value, Canary):
                cases.append(Case(document=document, canary=value, scrape_seconds=scrape_seconds))
            elif isinstance(value, MetricTemplate):
                templates.append(document)
                found += _placed(document, _of_template(value))
    for case in cases:
        found += _placed(case.document, (mistake for rule in RULES for mistake in rule(case)))
    found += together.compare(cases, templates)
    heard = [each for each in found if not meant[each.file].has(each)]
    return sorted(heard, key=lambda each: (each.file, each.line, each.severity, each.rule))


def has_ours(texts: Iterable[tuple[str, str]]) -> bool:
    """Is any object in these files one of this controller's, or meant to be?"""
    documents = (each for file, text in texts for each in read(text, file=file)[0])
    return any(isinstance(each.body, dict) and objects.is_ours(each) for each in documents)


def unreadable(file: str, error: Exception) -> Finding:
    """A file that is not text or not there."""
    return Finding(
        file=file, line=1, rule="yaml", severity=Severity.ERROR, about="", field="", message=f"cannot be read: {error}"
    )


def _placed(document: Document, mistakes: Iterable[Mistake]) -> Iterator[Finding]:
    for mistake in mistakes:
        yield finding(mistake, file=document.file, line=document.line(mistake.path), about=document.about)


def _of_template(template: MetricTemplate) -> Iterator[Mistake]:
    """PromQL of a template; other providers have languages of their own."""
    if template.spec.provider.type == "prometheus" and template.spec.query:
        yield from queries.of_query(template.spec.query, {}, ("spec", "query"))
