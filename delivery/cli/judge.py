"""`delivery judge`: what the judge would have said of releases that are over."""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from delivery.judge.asked import Asked
    from metrics.counters import Counters

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
METRICS = ("errors", "latency")


class Length(click.ParamType[float]):
    """A length of time in seconds, given as 90s, 5m, 36h, 3d or 2w."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhdw])", str(value))
        if found is None or float(found[1]) <= 0:
            self.fail(f"{value!r} given, allowed a length of time such as 90s, 5m, 36h, 3d or 2w", param, ctx)
        return float(found[1]) * UNITS[found[2]]


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601; without a zone it is UTC."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} given, allowed a time such as 2026-03-01T12:00 or 2026-03-01T12:00+01:00", param, ctx)
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


Options = Callable[[Callable[..., None]], Callable[..., None]]


def _judging(command: Callable[..., None]) -> Callable[..., None]:
    """How to judge."""
    for option in reversed(
        (
            click.option("--max-increase-percent", type=float, default=25.0, show_default=True, help="Margin."),
            click.option("--false-alarm-percent", type=float, default=1.0, show_default=True, help="In how many runs."),
            click.option("--ignore-below-percent", type=float, default=0.1, show_default=True, help="Floor."),
            click.option("--min-success-rate", type=float, default=99.0, show_default=True, help="Fixed limit, in %."),
            click.option("--strikes", type=click.IntRange(1), default=5, show_default=True, help="Of the fixed limit."),
        )
    ):
        command = option(command)
    return command


@click.command()
@click.option("--prometheus", "server", required=True, metavar="URL", help="Address of Prometheus.")
@click.option("-n", "--namespace", required=True, help="Namespace of both workloads.")
@click.option("--primary", required=True, help="The workload that was the old version.")
@click.option("--canary", required=True, help="The workload that was the new version.")
@click.option("--since", type=Length(), default="3d", show_default=True, help="How far to look back.")
@click.option("--from", "begin", type=Moment(), help="Begin of the time to look at; instead of --since.")
@click.option("--to", "end", type=Moment(), help="End of it; now by default.")
@click.option("--metric", "metrics", multiple=True, type=click.Choice(METRICS), help="By default both.")
@click.option("--query", help="Counter of requests other than Istio's: a selector with {{ workload }} in it.")
@click.option("--failed", help="With --query: the selector of those that failed.")
@click.option("--metrics-matchers", default="", help='Added to every query, such as cluster="prod".')
@click.option("--window", type=Length(), default="1m", show_default=True, help="Length of a window.")
@click.option("--scrape-interval", type=Length(), default="15s", show_default=True, help="How often it scrapes.")
@_judging
@click.option("-o", "--output", type=click.Choice(("table", "json")), default="table", show_default=True)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with plots, too.")
@click.option("--resume", type=click.Path(path_type=Path, dir_okay=False), help="Keep counts here, and go on from it.")
def judge(server: str, output: str, html: Path | None, resume: Path | None, **given: Any) -> None:
    """Replay past releases through the judge: would it have rolled them back, when and why?

    Only reads from Prometheus. Finds where both workloads had requests, and judges each such time as a release.
    """
    from delivery.judge.kept import KeptError
    from delivery.judge.look_back import LookBackError, look_back
    from delivery.judge.report.page import page
    from delivery.judge.report.table import table
    from delivery.judge.report.values import values

    try:
        asked = _asked(resume, **given)
        stories = look_back(server, asked, resume, _progress)
    except (KeptError, LookBackError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        kept = f"; the same command goes on from {resume}" if resume is not None else "; --resume FILE would go on"
        click.echo(f"interrupted{kept}", err=True)
        raise SystemExit(130) from None
    if html is not None:
        html.write_text(page(asked, stories))
    if output == "json":
        import json

        click.echo(json.dumps(values(asked, stories), indent=2))
    else:
        import shutil

        click.echo(table(asked, stories, width=shutil.get_terminal_size((80, 24)).columns))


def _asked(resume: Path | None, **given: Any) -> "Asked":
    """The question. Raises click's errors, which name the option."""
    from delivery.judge import kept
    from delivery.judge.asked import Asked, Rule
    from metrics.judges.settings import CompareWithPrimary
    from metrics.matchers import MatchersError, parse
    from metrics.raw_queries import What

    counters = _counters(given["query"], given["failed"])
    kinds = {"errors": What.REQUESTS, "latency": What.DURATIONS}
    metrics = given["metrics"] or (("errors",) if counters is not None else METRICS)
    begun = kept.times(resume)
    end = given["end"] or (begun[1] if begun else datetime.now(UTC).replace(microsecond=0))
    begin = given["begin"] or (begun[0] if begun else end - timedelta(seconds=given["since"]))
    try:
        return Asked(
            namespace=given["namespace"],
            primary=given["primary"],
            canary=given["canary"],
            begin=begin,
            end=end,
            window_seconds=given["window"],
            scrape_seconds=given["scrape_interval"],
            kinds=tuple(kinds[each] for each in dict.fromkeys(metrics)),
            settings=CompareWithPrimary(
                max_increase_percent=given["max_increase_percent"],
                false_alarm_percent=given["false_alarm_percent"],
                ignore_below_percent=given["ignore_below_percent"],
            ),
            rule=Rule(minimum=given["min_success_rate"], strikes=given["strikes"]),
            matchers=parse(given["metrics_matchers"]),
            counters=counters,
        )
    except MatchersError as error:
        raise click.BadParameter(str(error), param_hint="--metrics-matchers") from error
    except kept.KeptError:
        raise
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _counters(requests: str | None, failures: str | None) -> "Counters | None":
    """Counters of the user's; None for Istio's."""
    from metrics.counters import Counters

    if (requests is None) != (failures is None):
        raise click.UsageError("--query and --failed belong together: all requests, and those of them that failed")
    return None if requests is None or failures is None else Counters(requests=requests, failures=failures)


def _progress(done: int, every: int) -> None:
    """A bar on a terminal, nothing else elsewhere."""
    if not sys.stderr.isatty() or not every:
        return
    filled = 30 * done // every
    end = "\r\033[K" if done == every else ""
    click.echo(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done} of {every} windows{end}", nl=False, err=True)
