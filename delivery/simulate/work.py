"""All rollouts of all releases by all policies, on several processors if there are many.

Each rollout has a stream of random numbers of its own, named by the seed, the release and its number; so the result is
the same however the work is shared, and two policies meet the same days and pods.
"""

import gc
import os
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from queue import SimpleQueue

from delivery.simulate.reading import Policy
from delivery.simulate.report import Report, reported, typical
from delivery.simulate.rollout import Outcome, Rest, Trace, rest, roll_out
from delivery.simulate.scenario import Scenario

CHUNK = 50
"""Rollouts that a process does at once."""
WORTH_A_PROCESS = 400
"""With fewer rollouts, starting processes takes longer than it saves."""

Progress = Callable[[int], None]
"""Told how many rollouts have ended since it was told last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be simulated. `hours`: a rollout that goes on for longer is undecided."""

    policies: tuple[Policy, ...]
    scenarios: tuple[Scenario, ...]
    runs: int
    seed: int
    hours: float = 24.0
    workers: int = 0

    @property
    def total(self) -> int:
        """All rollouts."""
        return len(self.policies) * len(self.scenarios) * self.runs


@dataclass(frozen=True, slots=True)
class Part:
    """Rollouts number `first` to `last` - 1 of one release by one policy."""

    policy: int
    scenario: int
    first: int
    last: int


def simulate(order: Order, *, progress: Progress = lambda number: None) -> list[Report]:
    """The reports, policy by policy, releases in their order. Raises NoRestError, KeyboardInterrupt."""
    done: dict[Part, list[Outcome]] = {}
    with quick():
        for part, outcomes in _all(order):
            done[part] = outcomes
            progress(len(outcomes))
    return [
        _report(order, policy, scenario, _joined(done, policy, scenario))
        for policy in range(len(order.policies))
        for scenario in range(len(order.scenarios))
    ]


@contextmanager
def quick() -> Iterator[None]:
    """What is there when rollouts begin is no garbage: the collector does not look through it again and again."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _all(order: Order) -> Iterator[tuple[Part, list[Outcome]]]:
    parts = [
        Part(policy, scenario, first, min(order.runs, first + CHUNK))
        for policy in range(len(order.policies))
        for scenario in range(len(order.scenarios))
        for first in range(0, order.runs, CHUNK)
    ]
    workers = order.workers or min(len(parts), os.cpu_count() or 1)
    if workers == 1 or order.total < WORTH_A_PROCESS:
        for part in parts:
            yield part, _play(order, part)
        return
    with ExitStack() as stack:
        with _interrupts_kept_from_children():
            pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
            stack.callback(pool.shutdown, cancel_futures=True)
            coming: dict[Future[list[Outcome]], Part] = {pool.submit(_play, order, part): part for part in parts}
            arriving = _as_they_come(coming)
        for future in arriving:
            yield coming[future], future.result()


def _as_they_come(futures: Collection[Future[list[Outcome]]]) -> Iterator[Future[list[Outcome]]]:
    """Each of them when it is done, the first one first. All is prepared when this returns.

    `as_completed` locks all of them at once; an interrupt in between leaves them locked, and then the pool waits for
    ever for itself.
    """
    done: SimpleQueue[Future[list[Outcome]]] = SimpleQueue()
    for future in futures:
        future.add_done_callback(done.put)
    return (done.get() for _ in range(len(futures)))


@contextmanager
def _interrupts_kept_from_children() -> Iterator[None]:
    """Processes begun here never see Ctrl-C, also while they start and have not come to `_begin`.

    A blocked signal stays blocked in a child. For this process it waits until the end of the block. The tracker that
    comes with a pool has to be there before: it unblocks the signal when it is started.
    """
    if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover (Windows)
        yield
        return
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Ctrl-C goes to every process of a terminal; one of them ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()


def _play(order: Order, part: Part) -> list[Outcome]:
    """The outcomes of a part."""
    start = rest(order.policies[part.policy], order.scenarios[part.scenario])
    return [_one(order, part.policy, part.scenario, number, start) for number in range(part.first, part.last)]


def _one(order: Order, policy: int, scenario: int, number: int, start: Rest, trace: Trace | None = None) -> Outcome:
    seed = f"{order.seed}/{order.scenarios[scenario].name}/{number}"
    return roll_out(order.policies[policy], order.scenarios[scenario], start, seed=seed, hours=order.hours, trace=trace)


def _joined(done: dict[Part, list[Outcome]], policy: int, scenario: int) -> Sequence[Outcome]:
    parts = sorted((part for part in done if (part.policy, part.scenario) == (policy, scenario)), key=lambda p: p.first)
    return [outcome for part in parts for outcome in done[part]]


def _report(order: Order, policy: int, scenario: int, outcomes: Sequence[Outcome]) -> Report:
    """The report, with one rollout played again to be shown."""
    number, trace = typical(outcomes), Trace()
    start = rest(order.policies[policy], order.scenarios[scenario])
    _one(order, policy, scenario, number, start, trace)
    return reported(order.policies[policy].name, order.scenarios[scenario], outcomes, trace, number)
