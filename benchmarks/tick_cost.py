"""What one look at a Canary that has nothing to do costs, in time and memory, with 1, 100 or 1,000 of them.

    python -m benchmarks.tick_cost [--json] [--canaries 1,100,1000] [--rounds 20]

The controller is the whole one, on the in-memory cluster and in virtual time. Each count runs in a process of its own.
Times differ from machine to machine; the ratio of times within one run says whether a tick grows with the cluster.
"""

import argparse
import gc
import json
import logging
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, LEASES, SERVICES
from delivery.controller.core import Controller
from strategies.status import Phase
from tests.simulation import bookinfo
from tests.simulation.invariants import at_rest, status_of
from tests.simulation.simulation import Simulation

REST_SECONDS = 3600.0
"""Virtual time in which all have to come to rest."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--canaries", default="1,100,1000", help="how many, separated by commas")
    parser.add_argument("--rounds", type=int, default=20, help="how many looks at each")
    given = parser.parse_args()
    counts = [int(each) for each in given.canaries.split(",")]
    result = measure(counts, rounds=given.rounds)
    print(json.dumps(result) if given.json else table(result))


def measure(counts: list[int], *, rounds: int) -> dict[str, Any]:
    """One entry a count, and the ratios of the last to the first."""
    context = multiprocessing.get_context("spawn")
    rows = []
    for count in counts:
        with context.Pool(1) as pool:
            rows.append(pool.apply(measure_one, (count, rounds)))
    first, last = rows[0], rows[-1]
    ratio = round(last["tick_microseconds"] / first["tick_microseconds"], 2)
    return {"rows": rows, "tick_ratio": ratio, "counts": [first["canaries"], last["canaries"]]}


def measure_one(count: int, rounds: int) -> dict[str, Any]:
    """Bring `count` Canaries to rest, look at each `rounds` times, then let a second controller take over."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    gc.set_threshold(20_000, 20, 50)
    with Simulation(None) as sim:
        apply_all(sim, count)
        name = sim.start_controller()
        wait_for_rest(sim, count)
        seconds, requests = look_at_all(sim, name, rounds=rounds)
        return {
            "canaries": count,
            "tick_microseconds": round(1e6 * seconds / rounds / count, 1),
            "requests": requests,
            "controller_kib_per_canary": round(takeover_kib(sim, name, count) / count, 1),
        }


def named(body: dict[str, Any], name: str) -> dict[str, Any]:
    """An object of Bookinfo's reviews under another name."""
    renamed: dict[str, Any] = json.loads(json.dumps(body).replace(f'"{bookinfo.NAME}"', f'"{name}"'))
    return renamed


def apply_all(sim: Simulation, count: int) -> None:
    """So many Deployments with two pods each, their Services and Canaries."""
    manifests = (
        (DEPLOYMENTS, bookinfo.deployment()),
        (SERVICES, bookinfo.service()),
        (CANARIES, bookinfo.canary()),
    )
    for number in range(count):
        for kind, body in manifests:
            named_body = named(body, f"reviews-{number:04}")
            sim.store.create(kind, named_body, namespace=bookinfo.NAMESPACE, manager="kubectl")


def wait_for_rest(sim: Simulation, count: int) -> None:
    """Run until every Canary is initialised, and what is left to do then is done."""

    def all_rest() -> bool:
        statuses = [status_of(body) for body in sim.store.scan(CANARIES)]
        return sum(each.phase is Phase.INITIALIZED and at_rest(each) for each in statuses) == count

    for _ in range(int(REST_SECONDS / 30)):
        sim.loop.advance(30.0)
        if all_rest():
            sim.loop.advance(120.0)
            return
    raise SystemExit(f"not all of {count} Canaries came to rest within {REST_SECONDS:g} virtual seconds")


def look_at_all(sim: Simulation, name: str, *, rounds: int) -> tuple[float, int]:
    """CPU seconds of `rounds` looks at each Canary, and how many requests they made."""
    controller = sim.controllers[name]
    keys = [f"{bookinfo.NAMESPACE}/{body['metadata']['name']}" for body in sim.store.scan(CANARIES)]
    taken: list[float] = []

    async def look() -> None:
        for key in keys:
            await controller.reconciler.tick(key)
        started = time.process_time()
        for _ in range(rounds):
            for key in keys:
                await controller.reconciler.tick(key)
        taken.append(time.process_time() - started)

    before = len(asked(sim))
    sim.loop.spawn(look(), instance=name)
    sim.loop.run_until(lambda: bool(taken), 60.0)
    return taken[0], len(asked(sim)) - before


def asked(sim: Simulation) -> list[str]:
    """Every request but watches, what follows a watch, and those for the Lease."""
    return [str(one) for one in sim.requests() if one.verb not in ("watch", "list") and one.kind != LEASES]


def takeover_kib(sim: Simulation, name: str, count: int) -> float:
    """Resident KiB that a second controller takes: its caches, and what it remembers after one look at each Canary."""
    kept: list[Controller] = [sim.controllers[name]]  # so that the first one's memory is not used again
    gc.collect()
    before = resident_kib()
    sim.kill(name, restart=False)
    sim.start_controller()
    sim.loop.advance(180.0)
    gc.collect()
    taken = resident_kib() - before
    if not any(one.leading for one in sim.controllers.values()) or len(kept) != 1:
        raise SystemExit(f"the second controller does not lead {count} Canaries")
    return taken


def resident_kib() -> float:
    """Memory of this process as the kernel counts it."""
    return next(fields(Path("/proc/self/status"), "VmRSS:"))


def fields(path: Path, name: str) -> Iterator[float]:
    """The number beside a name in a file of /proc."""
    for line in path.read_text().splitlines():
        if line.startswith(name):
            yield float(line.split()[1])


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    head = f"{'Canaries':>8} {'us a tick':>10} {'requests':>9} {'KiB a Canary':>13}"
    columns = (("canaries", 8), ("tick_microseconds", 10), ("requests", 9), ("controller_kib_per_canary", 13))
    lines = [head, *(" ".join(f"{row[name]:>{width}}" for name, width in columns) for row in result["rows"])]
    first, last = result["counts"]
    return "\n".join([*lines, f"a tick with {last} Canaries costs {result['tick_ratio']} times one with {first}"])


if __name__ == "__main__":
    main()
