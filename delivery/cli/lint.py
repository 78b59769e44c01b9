"""`delivery lint`: what is wrong with manifests, before anybody applies them."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from delivery.cli.extra import without_extra

_FILE = click.Path(path_type=Path, exists=True, allow_dash=True)


@click.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--errors-only", is_flag=True, help="Leave out warnings.")
@click.option(
    "--scrape-interval-seconds", type=click.FloatRange(0.1, 3600), default=15.0, show_default=True, help="Prometheus'."
)
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True)
@click.option("--no-color", is_flag=True, help="Also by the environment variable NO_COLOR, and without a terminal.")
def lint(
    files: tuple[Path, ...], errors_only: bool, scrape_interval_seconds: float, output: str, no_color: bool
) -> None:
    """Find mistakes in Canaries and MetricTemplates: schema, rules between fields, PromQL, settings without effect, and
    policies that go wrong with few requests, short windows or Istio's buckets.

    FILES are manifests, folders of them, or - for standard input; other kinds are passed over. No cluster is asked.
    Ends with 0 if nothing was found, with 1 if something was. docs/lint.md explains each rule.
    """
    from delivery.lint.finding import Severity
    from delivery.lint.linting import files_of, has_ours
    from delivery.lint.linting import lint as find

    texts, broken = _texts(files_of(files))
    try:
        found = [*broken, *find(texts, scrape_seconds=scrape_interval_seconds)]
    except ModuleNotFoundError as error:
        raise without_extra(error) from error
    shown = [each for each in found if each.severity is Severity.ERROR or not errors_only]
    _show(shown, files=len(texts) + len(broken), output=output, color=False if no_color else None)
    if not found and not has_ours(texts):
        click.echo(f"nothing to look at: no object of ours in {_counted(len(texts), 'file')}", err=True)
    raise SystemExit(1 if shown else 0)


def _texts(files: list[Path]) -> tuple[list[tuple[str, str]], list[Any]]:
    from delivery.lint.linting import unreadable

    texts, broken = [], []
    for file in files:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
            texts.append(("stdin" if str(file) == "-" else str(file), text))
        except (OSError, UnicodeDecodeError) as error:
            broken.append(unreadable(str(file), error))
    return texts, broken


def _show(found: list[Any], *, files: int, output: str, color: bool | None) -> None:
    from dataclasses import asdict

    rows = [asdict(each) for each in found]
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    elif output == "yaml":
        import yaml

        click.echo(
            yaml.safe_dump([{**row, "severity": str(row["severity"])} for row in rows], sort_keys=False), nl=False
        )
    else:
        for each in found:
            click.secho(str(each), fg="red" if each.severity == "error" else "yellow", color=color)
        if found:
            click.echo(f"{_counted(len(found), 'mistake')} in {_counted(files, 'file')}", err=True)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
