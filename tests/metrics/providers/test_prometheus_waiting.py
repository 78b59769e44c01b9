"""Many questions and servers that do not answer: threads are bounded, and who is silent is left alone for a while."""

import asyncio
import json
import threading

import pytest

from metrics.providers import Kind, Providers, QueryError, Sample
from tests.metrics.conftest import NOON, Handler, ManualClock, Server
from tests.metrics.providers.asking import PATIENCE, ask, dead_address, error, hang, result


async def test_no_more_questions_are_under_way_than_there_are_threads(server: Server) -> None:
    providers = Providers(threads=2)
    lock, under_way, most = threading.Lock(), 0, 0
    both = threading.Event()

    def count(handler: Handler) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
            if under_way == 2:
                both.set()
        both.wait(PATIENCE)
        with lock:
            under_way -= 1
        handler.result("scalar", [1, "1"])

    server.script = count
    await providers.provider_for(server.address).query([str(n) for n in range(12)], at=NOON, timeout=PATIENCE)
    assert most == 2
    providers.close()


async def test_waiting_for_a_thread_is_not_held_against_the_server(server: Server, clock: ManualClock) -> None:
    providers = Providers(threads=1, monotonic=clock)

    def late(handler: Handler) -> None:
        server.release.wait(PATIENCE)
        handler.result("scalar", [1, "1"])

    server.script = late
    busy = asyncio.create_task(ask(providers, server.address, "long"))
    await asyncio.to_thread(server.begun.acquire, timeout=PATIENCE)
    for _ in range(6):
        assert "no free thread" in (await error(providers, server.address, timeout=0.05)).message
    server.release.set()
    assert await busy == (Sample(1),)
    providers.close()


async def test_who_does_not_answer_is_left_alone_and_probed_after_a_pause(
    server: Server, providers: Providers, clock: ManualClock
) -> None:
    server.script = lambda handler: handler.answer("starting", status=503, kind="text/plain")
    for _ in range(5):
        await error(providers, server.address)
    found = await error(providers, server.address)
    assert found.kind is Kind.UNREACHABLE
    assert "again in 30 s" in found.message
    assert len(server.asked) == 5

    result(server, "scalar", [1, "1"])
    clock.now += 30
    assert await ask(providers, server.address) == (Sample(1),)
    assert await ask(providers, server.address) == (Sample(1),)


async def test_wrong_queries_never_open_the_circuit(server: Server, providers: Providers) -> None:
    server.script = lambda handler: handler.answer(json.dumps({"status": "error", "error": "parse"}), status=400)
    for _ in range(8):
        assert (await error(providers, server.address)).kind is Kind.REFUSED
    assert len(server.asked) == 8


async def test_a_dead_server_does_not_close_the_way_to_another(server: Server, providers: Providers) -> None:
    result(server, "scalar", [1, "1"])
    dead = dead_address()
    for _ in range(6):
        await error(providers, dead)
    assert await ask(providers, server.address) == (Sample(1),)


async def test_a_cancelled_probe_does_not_keep_the_circuit_open(
    server: Server, providers: Providers, clock: ManualClock
) -> None:
    server.script = lambda handler: handler.answer("no", status=503)
    for _ in range(5):
        await error(providers, server.address)
    while server.begun.acquire(blocking=False):
        pass
    clock.now += 30
    hang(server)
    probe = asyncio.create_task(ask(providers, server.address))
    await asyncio.to_thread(server.begun.acquire, timeout=PATIENCE)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    result(server, "scalar", [1, "1"])
    assert await ask(providers, server.address) == (Sample(1),)


async def test_closing_does_not_wait_for_a_server_that_hangs(server: Server) -> None:
    providers = Providers(threads=1)
    hang(server)
    hung = asyncio.create_task(ask(providers, server.address, "hung"))
    queued = asyncio.create_task(ask(providers, server.address, "queued"))
    await asyncio.to_thread(server.begun.acquire, timeout=PATIENCE)
    providers.close()  # would block here until the server lets go, which it does only below
    assert not server.release.is_set()
    for found in (await queued, await ask(providers, server.address, "new")):
        assert isinstance(found, QueryError)
        assert "closed" in found.message
    hung.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hung
