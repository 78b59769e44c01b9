"""`delivery promote`, `abort`, `retry`, `restart`, `pause` and `resume`: a person's word on one Canary or many.

The word is an annotation; the controller answers it in the status, and the answer is what is printed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from delivery.cli.reaching import Cluster, DeniedError, ReachError, Where, reach, reaching
from delivery.cluster.errors import Conflict
from delivery.cluster.objects import CANARIES, Object, Ref

if TYPE_CHECKING:
    from strategies.commands import Command
    from strategies.status import Answered

TRIES = 5
AT_ONCE = 16
REFUSED, UNANSWERED = 1, 3
"""Exit codes: something was refused or could not be given; everything was given and not all of it answered in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was typed: a verb, for which Canaries, and how long to wait for the answers (seconds; 0: not at all)."""

    verb: str
    names: Sequence[str]
    selector: str
    every: bool
    by: str
    reason: str
    seconds: float
    full: bool = False

    @property
    def by_name(self) -> bool:
        """Were the Canaries named one by one?"""
        return bool(self.names)


@dataclass(slots=True)
class Outcome:
    """What became of it on one Canary."""

    ref: Ref
    command: "Command | None" = None
    answer: "Answered | None" = None
    problem: str = ""
    idle: bool = False


@dataclass(slots=True)
class Tally:
    """All of them; the exit code follows from it."""

    outcomes: list[Outcome] = field(default_factory=list)
    note: str = ""
    waited: bool = False

    @property
    def code(self) -> int:
        """0 if everything was carried out."""
        if any(each.problem or (each.answer is not None and not each.answer.accepted) for each in self.outcomes):
            return REFUSED
        return (
            UNANSWERED
            if self.waited and any(each.command is not None and each.answer is None for each in self.outcomes)
            else 0
        )


def _verb(verb: str, about: str, *more: Callable[..., Any]) -> click.Command:
    """The command of one verb."""

    def run(where: Where, **given: Any) -> None:
        _run(where, verb, **given)

    run.__doc__ = about
    options = (
        click.argument("names", nargs=-1),
        click.option("-l", "--selector", metavar="LABELS", default="", help="All with these labels, as for kubectl."),
        click.option("--all", "every", is_flag=True, help="All of the namespace; with -A of all namespaces."),
        click.option("--reason", metavar="TEXT", default="", help="Why; it is told with the command."),
        click.option(
            "--timeout", "seconds", type=click.FloatRange(0), default=15.0, show_default=True, help="0: do not wait."
        ),
        *more,
    )
    made = reaching(run, everywhere=True)
    for option in reversed(options):
        made = option(made)
    return click.command(verb)(made)


promote = _verb(
    "promote",
    """Let the rollout of Canary NAME go on without the rest of its present step, or with --full of its analysis.

    Pods, capacity, settling and gates still count, and until the promotion has begun a failing check rolls back.
    """,
    click.option("--full", is_flag=True, help="Straight to the promotion."),
)
abort = _verb(
    "abort",
    """Take all users back to the primary now. The revision counts as failed until it is retried or changed.""",
)
retry = _verb("retry", """Start another run of the revision that failed.""")
restart = _verb("restart", """Begin the open run again at its first step; users leave the canary meanwhile.""")
pause = _verb("pause", """Hold the weight, and the next run, until somebody resumes. Checks and rollback go on.""")
resume = _verb("resume", """End a pause, or the hold after somebody has set weights by hand.""")


def _run(where: Where, verb: str, **given: Any) -> None:
    chosen = [bool(given["names"]), bool(given["selector"]), given["every"]]
    if sum(chosen) != 1:
        raise click.UsageError("say which Canaries: NAME..., or -l LABELS, or --all; exactly one of them")
    if where.everywhere and given["names"]:
        raise click.UsageError("-A goes with -l or --all; a name is looked for in one namespace")
    wish = Wish(verb=verb, by=_user(), **given)
    tally = reach(where, lambda cluster: _command(cluster, wish))
    for each in tally.outcomes:
        _show(each, wish, qualified=where.everywhere)
    if tally.note:
        click.echo(tally.note, err=True)
    if not tally.outcomes:
        click.echo("there is no such Canary", err=True)
    raise SystemExit(tally.code)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return ""


def _show(outcome: Outcome, wish: Wish, *, qualified: bool) -> None:
    name = f"{outcome.ref.namespace}/{outcome.ref.name}" if qualified else outcome.ref.name
    if outcome.problem:
        click.echo(f"{name}: not done: {outcome.problem}", err=True)
    elif outcome.idle:
        click.echo(f"{name}: nothing to {wish.verb}")
    elif outcome.answer is None:
        waited = f"no answer within {wish.seconds:g} s: is the controller running?" if wish.seconds else "given"
        click.echo(
            f"{name}: {waited}{' It is carried out when it is.' if wish.seconds else ''}", err=bool(wish.seconds)
        )
    elif outcome.answer.accepted:
        click.echo(f"{name}: {outcome.answer.message}")
    else:
        click.echo(f"{name}: refused: {outcome.answer.message}", err=True)


async def _command(cluster: Cluster, wish: Wish) -> Tally:
    import asyncio

    from delivery.gates.commanding import concerns
    from strategies.commands import Verb

    if wish.by_name:
        bodies = [await cluster.canary(name) for name in dict.fromkeys(wish.names)]
    else:
        bodies = await cluster.list(CANARIES, selector=wish.selector)
    room = asyncio.Semaphore(AT_ONCE)

    async def give(body: Object) -> Outcome:
        if not wish.by_name and not concerns(body, Verb(wish.verb)):
            return Outcome(Ref.of(CANARIES, body), idle=True)
        async with room:
            return await _give(cluster, wish, body)

    tally = Tally(await asyncio.gather(*map(give, bodies)))
    waiting = {each.ref: each for each in tally.outcomes if each.command is not None}
    if waiting and wish.seconds:
        tally.waited = True
        tally.note = await _wait(cluster, wish, waiting)
    return tally


async def _give(cluster: Cluster, wish: Wish, body: Object) -> Outcome:
    """Write the annotation on what was read; read again when somebody was faster."""
    from delivery.gates import commanding
    from strategies.commands import Verb

    ref = Ref.of(CANARIES, body)
    for _ in range(TRIES):
        command = commanding.command_for(body, Verb(wish.verb), by=wish.by, reason=wish.reason, full=wish.full)
        try:
            await cluster.patch(ref, commanding.ops_for(body, command))
        except Conflict:
            body = await cluster.get(CANARIES, ref.name, namespace=ref.namespace)
        except (ReachError, commanding.PendingError) as error:
            return Outcome(ref, problem=str(error))
        else:
            return Outcome(ref, command=command)
    return Outcome(ref, problem=f"the Canary was changed {TRIES} times meanwhile; say it again")


async def _wait(cluster: Cluster, wish: Wish, waiting: dict[Ref, Outcome]) -> str:
    """Take in the answers until all are there or the time is over; what people should know of the wait."""
    import asyncio

    from delivery.gates.commanding import answer_to, is_replaced

    places = {ref.namespace for ref in waiting}
    place = places.pop() if len(places) == 1 else None
    try:
        async with asyncio.timeout(wish.seconds):
            async for event in cluster.watch(CANARIES, namespace=place):
                outcome = waiting.get(Ref.of(CANARIES, event.object))
                if outcome is None or outcome.command is None:
                    continue
                outcome.answer = answer_to(event.object, outcome.command)
                if outcome.answer is None and is_replaced(event.object, outcome.command):
                    outcome.problem = "somebody has given another command before this one was read"
                if outcome.answer is not None or outcome.problem:
                    del waiting[outcome.ref]
                if not waiting:
                    return ""
    except TimeoutError:
        return ""
    except DeniedError as error:
        return f"given, but the answer cannot be waited for: {error.message}"
    return ""
