"""`delivery simulate`: a rollout policy under test."""

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_NEW_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("-f", "--file", "policy", type=_FILE, help="The Canary whose policy is tested.")
@click.option("--compare", type=_FILE, nargs=2, metavar="A B", help="Two Canaries, side by side, instead of -f.")
@click.option("--release", "releases", type=_FILE, multiple=True, required=True, help="Releases file; can be repeated.")
@click.option("--runs", type=click.IntRange(1, 1000000), default=2000, show_default=True, help="Rollouts a release.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same numbers.")
@click.option(
    "--hours", type=click.FloatRange(0.1, 720), default=24.0, show_default=True, help="Open after it: undecided."
)
@click.option(
    "--scrape-interval-seconds", type=click.FloatRange(1, 3600), default=15.0, show_default=True, help="Prometheus'."
)
@click.option("--workers", type=click.IntRange(0, 256), default=0, help="Processes; 0 is one for each processor.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--html", type=_NEW_FILE, help="Write one page with pictures, which needs nothing else.")
@click.option("--svg", type=_NEW_FILE, help="Write the picture alone.")
@click.option("--check", "checks", multiple=True, metavar="'MEASURE<NUMBER'", help="A demand; can be repeated.")
def simulate(**given: Any) -> None:
    """Roll out healthy and faulty releases by a policy, thousands of times, in virtual time.

    The state machine and the judges are those of the controller; only the cluster and its users are played. No cluster
    and no Prometheus is needed or asked. Ends with 1 if a --check is not met, with 2 if something given cannot be used.
    """
    from delivery.simulate.checks import CheckError
    from delivery.simulate.reading import UnusableError
    from delivery.simulate.rollout import NoRestError

    try:
        raise SystemExit(_simulate(**given))
    except (UnusableError, CheckError, NoRestError) as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        raise SystemExit(130) from None


def _simulate(
    *,
    policy: Path | None,
    compare: tuple[Path, Path] | None,
    releases: tuple[Path, ...],
    runs: int,
    seed: int,
    hours: float,
    scrape_interval_seconds: float,
    workers: int,
    output: str,
    html: Path | None,
    svg: Path | None,
    checks: tuple[str, ...],
) -> int:
    """All of it; the exit code."""
    from delivery.simulate import checks as checking
    from delivery.simulate.reading import read_policies, read_releases
    from delivery.simulate.work import Order, simulate

    if (policy is None) == (compare is None):
        raise click.UsageError("given both or none of -f and --compare, allowed exactly one")
    demands = [checking.parse(text) for text in checks]
    scenarios = read_releases(releases)
    checking.check_names(demands, [each.name for each in scenarios])
    files = compare or tuple(each for each in (policy,) if each is not None)
    policies = read_policies(files, scenarios, scrape_interval_seconds=scrape_interval_seconds)
    order = Order(policies=policies, scenarios=scenarios, runs=runs, seed=seed, hours=hours, workers=workers)
    with _bar(order.total) as bar:
        reports = simulate(order, progress=bar.update if bar is not None else lambda number: None)
    findings = [found for demand in demands for found in checking.findings(demand, reports)]
    _show(reports, findings, seed=seed, output=output)
    _draw(reports, findings, seed=seed, html=html, svg=svg)
    return 0 if all(found.met for found in findings) else 1


def _bar(total: int) -> AbstractContextManager[Any]:
    """A progress bar, if anybody is there to see it."""
    if not sys.stderr.isatty():
        return nullcontext()
    return click.progressbar(length=total, label="rollouts", file=sys.stderr)


def _show(reports: Any, findings: Any, *, seed: int, output: str) -> None:
    from delivery.simulate.report import as_json
    from delivery.simulate.table import table

    if output == "json":
        checks = [
            {
                "check": each.check.text,
                "policy": each.policy,
                "release": each.release,
                "value": each.value,
                "met": each.met,
            }
            for each in findings
        ]
        click.echo(
            json.dumps({"seed": seed, "reports": [as_json(each) for each in reports], "checks": checks}, indent=2)
        )
    else:
        click.echo(table(reports, seed=seed))
        if findings:
            click.echo()
    for each in findings:
        if not each.met or output == "table":
            click.secho(str(each), fg=None if each.met else "red", err=not each.met or output == "json")


def _draw(reports: Any, findings: Any, *, seed: int, html: Path | None, svg: Path | None) -> None:
    from delivery.simulate.page import page
    from delivery.simulate.picture import picture

    for file, text in ((html, page), (svg, picture)):
        if file is not None:
            file.write_text(text(reports, findings, seed=seed), encoding="utf-8")
