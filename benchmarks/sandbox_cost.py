"""What a sandbox costs: the time until it answers, and its memory and CPU with 200 Canaries at rest.

    python -m benchmarks.sandbox_cost [--json] [--canaries 200] [--rest 30] [--prometheus embedded]

The sandbox is its own process, as people start it, with the controller beside it; the objects come over HTTP. Linux
only, for it reads /proc. Targets: it answers within 3 s and stays under 400 MB.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

NAMESPACE = "shop"
REST_SECONDS = 600.0
REQUEST_SECONDS = 30.0
MEGABYTE = 1024.0

Body = dict[str, Any]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--canaries", type=int, default=200, help="how many")
    parser.add_argument("--rest", type=float, default=30.0, help="seconds over which CPU is measured at rest")
    parser.add_argument("--prometheus", default="embedded", help="auto, binary or embedded")
    given = parser.parse_args()
    result = asyncio.run(measure(given.canaries, rest=given.rest, prometheus=given.prometheus))
    print(json.dumps(result) if given.json else "\n".join(f"{key:32}{value}" for key, value in result.items()))


async def measure(canaries: int, *, rest: float, prometheus: str) -> Body:
    """Start a sandbox, bring so many Canaries to rest, and look at it for `rest` seconds."""
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "delivery.cli", "sandbox", "--no-bookinfo", f"--prometheus={prometheus}"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        await _line(process, r"export KUBECONFIG=(.*)")
        answers = time.perf_counter() - begun
        url = await _line(process, r"API server +(.*)")
        controller = int(await _line(process, r"controller +process ([0-9]+)"))
        found = {"answers_seconds": round(answers, 2), "all_started_seconds": round(time.perf_counter() - begun, 2)}
        found["rss_empty_mb"] = _rss_mb(process.pid)
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
            begun = time.perf_counter()
            await _apply_all(session, url, canaries)
            await _all_at_rest(session, url, canaries)
        return {
            **found,
            "canaries": canaries,
            "at_rest_after_seconds": round(time.perf_counter() - begun, 1),
            **await _at_rest({"sandbox": process.pid, "controller": controller}, rest),
        }
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), REQUEST_SECONDS)


async def _line(process: asyncio.subprocess.Process, pattern: str) -> str:
    """What a line of its output says."""
    assert process.stdout is not None
    async with asyncio.timeout(REST_SECONDS):
        async for line in process.stdout:
            if match := re.search(pattern, line.decode()):
                return match[1]
    raise RuntimeError(f"the sandbox ended without a line like {pattern}")


async def _apply_all(session: aiohttp.ClientSession, url: str, count: int) -> None:
    await _post(session, f"{url}/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    for number in range(count):
        name = f"app-{number}"
        await _post(session, f"{url}/apis/apps/v1/namespaces/{NAMESPACE}/deployments", _deployment(name))
        await _post(session, f"{url}/api/v1/namespaces/{NAMESPACE}/services", _service(name))
        await _post(session, _canaries(url), _canary(name))


async def _all_at_rest(session: aiohttp.ClientSession, url: str, count: int) -> None:
    async with asyncio.timeout(REST_SECONDS):
        while True:
            async with session.get(_canaries(url)) as answer:
                items = (await answer.json())["items"]
            statuses = [each.get("status") or {} for each in items]
            if sum(one.get("phase") == "Initialized" and not one.get("stage") for one in statuses) == count:
                return
            await asyncio.sleep(1.0)


async def _at_rest(processes: dict[str, int], seconds: float) -> Body:
    before = {name: _cpu_seconds(pid) for name, pid in processes.items()}
    await asyncio.sleep(seconds)
    found: Body = {}
    for name, pid in processes.items():
        found[f"{name}_rss_mb"] = _rss_mb(pid)
        found[f"{name}_cpu_percent"] = round(100 * (_cpu_seconds(pid) - before[name]) / seconds, 1)
    return found


async def _post(session: aiohttp.ClientSession, url: str, body: Body) -> None:
    async with session.post(url, json=body) as answer:
        if answer.status != 201:
            raise RuntimeError(f"{url}: {answer.status} {await answer.text()}")


def _canaries(url: str) -> str:
    return f"{url}/apis/progressive.delivery/v1beta1/namespaces/{NAMESPACE}/canaries"


def _deployment(name: str) -> Body:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def _service(name: str) -> Body:
    ports = [{"name": "http", "port": 8080}]
    return {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": ports}}


def _canary(name: str) -> Body:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    quick = {"settleSeconds": 3, "drainSeconds": 3, "drainMaxSeconds": 10}
    spec = {"targetRef": target, "service": {"port": 8080}, "analysis": {}, "traffic": quick}
    kind = {"apiVersion": "progressive.delivery/v1beta1", "kind": "Canary"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def _rss_mb(pid: int) -> float:
    """Resident memory, as the kernel counts it."""
    match = re.search(r"VmRSS:\s+([0-9]+) kB", Path(f"/proc/{pid}/status").read_text())
    if match is None:
        raise RuntimeError(f"process {pid} has ended")
    return round(int(match[1]) / MEGABYTE, 1)


def _cpu_seconds(pid: int) -> float:
    """CPU time so far, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
