"""The gate server over real HTTP: Flagger's paths, bodies and answers, with a token and a memory."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest

from delivery.gates.ledger import MOST, Ledger, LedgerError
from delivery.gates.server import GateServer, Token

TOKEN = "t0ken"
REVIEWS = {"name": "reviews", "namespace": "shop"}
FLAGGERS = {**REVIEWS, "phase": "Waiting", "checksum": "85d557f47b", "metadata": {"a": "b"}}


@pytest.fixture
def state(tmp_path):
    return tmp_path / "gates.json"


@asynccontextmanager
async def serving(state, *, token=None, **options):
    """A session for a server of its own on this file."""
    gates = GateServer(Ledger(state), token or Token(text=TOKEN), host="127.0.0.1", port=0, **options)
    async with gates, aiohttp.ClientSession(f"http://127.0.0.1:{gates.port}") as session:
        yield session


async def ask(session, path, body=REVIEWS, *, token=TOKEN, method="POST", raw=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = raw if raw is not None else json.dumps(body)
    async with session.request(method, path, data=data, headers=headers) as response:
        return response.status, await response.text()


async def test_a_gate_is_closed_until_it_is_opened_and_until_it_is_closed_again(state):
    async with serving(state) as session:
        assert await ask(session, "/gate/check") == (403, "Forbidden")
        assert await ask(session, "/gate/open") == (202, "")
        assert await ask(session, "/gate/check", FLAGGERS) == (200, "Approved")
        assert await ask(session, "/gate/check", {**REVIEWS, "namespace": "test"}) == (403, "Forbidden")
        assert await ask(session, "/rollback/check") == (403, "Forbidden")
        assert await ask(session, "/gate/close") == (202, "")
        assert await ask(session, "/gate/check") == (403, "Forbidden")


async def test_rollback_gates_are_their_own(state):
    async with serving(state) as session:
        assert (await ask(session, "/rollback/open"))[0] == 202
        assert await ask(session, "/rollback/check") == (200, "Approved")
        assert await ask(session, "/gate/check") == (403, "Forbidden")
        assert (await ask(session, "/rollback/close"))[0] == 202
        assert await ask(session, "/rollback/check") == (403, "Forbidden")


async def test_approve_and_halt_always_say_the_same(state):
    async with serving(state) as session:
        for method in ("POST", "GET"):
            assert await ask(session, "/gate/approve", method=method) == (200, "OK")
            assert await ask(session, "/gate/halt", method=method) == (403, "Forbidden")


async def test_what_was_opened_is_open_after_a_restart(state):
    """Flagger's load tester forgets."""
    async with serving(state) as session:
        await ask(session, "/gate/open")
        await ask(session, "/rollback/open", {"name": "ratings", "namespace": "shop"})
    async with serving(state) as session:
        assert (await ask(session, "/gate/check"))[0] == 200
        assert (await ask(session, "/rollback/check", {"name": "ratings", "namespace": "shop"}))[0] == 200
        assert (await ask(session, "/rollback/check"))[0] == 403


async def test_many_write_at_once_and_nothing_is_lost(state):
    async with serving(state) as session:
        names = [{"name": f"app-{number}", "namespace": "shop"} for number in range(60)]
        opened = await asyncio.gather(*(ask(session, "/gate/open", body) for body in names))
        closed = await asyncio.gather(*(ask(session, "/gate/close", body) for body in names[::2]))
        assert {status for status, _ in (*opened, *closed)} == {202}
    async with serving(state) as session:
        answers = [status for status, _ in await asyncio.gather(*(ask(session, "/gate/check", body) for body in names))]
        assert answers == [403, 200] * 30
    assert list(state.parent.iterdir()) == [state]


@pytest.mark.parametrize("token", ["", "wrong", "t0ke", "t0kenn", "tök"])
@pytest.mark.parametrize("path", ["/gate/open", "/gate/check", "/gate/approve", "/gate/halt", "/rollback/close"])
async def test_nobody_gets_in_without_the_token(state, token, path):
    async with serving(state) as session:
        assert (await ask(session, path, token=token))[0] == 401
        assert (await ask(session, "/gate/check"))[0] == 403


async def test_asking_can_be_free_and_opening_never_is(state):
    async with serving(state, free_checks=True) as session:
        assert (await ask(session, "/gate/check", token=""))[0] == 403
        assert (await ask(session, "/gate/approve", token=""))[0] == 200
        assert (await ask(session, "/gate/open", token=""))[0] == 401
        assert (await ask(session, "/rollback/open", token=""))[0] == 401


async def test_a_token_that_is_renewed_in_its_file_counts_at_once(state, tmp_path):
    file = tmp_path / "token"
    file.write_text("one\n")
    async with serving(state, token=Token(file=file)) as session:
        assert (await ask(session, "/gate/open", token="one"))[0] == 202
        file.write_text("two\n")
        assert (await ask(session, "/gate/check", token="one"))[0] == 401
        assert (await ask(session, "/gate/check", token="two"))[0] == 200
        file.write_text("\n")
        assert (await ask(session, "/gate/check", token=""))[0] == 401
        file.unlink()
        assert (await ask(session, "/gate/check", token="two"))[0] == 401


@pytest.mark.parametrize(
    "raw",
    ["", "{", "[]", "null", '"reviews"', "{}", '{"name": "reviews"}', '{"name": "", "namespace": "shop"}',
     '{"name": 1, "namespace": "shop"}', '{"name": "a/b", "namespace": "shop"}', "[" * 5000, "\xff"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/gate/open", "/gate/check", "/rollback/check"])
async def test_a_wrong_body_is_refused_and_opens_nothing(state, path, raw):
    async with serving(state) as session:
        status, text = await ask(session, path, raw=raw)
        assert (status, text.count("\n")) == (400, 1)
        assert json.loads(state.read_text())["open"] == []


async def test_a_body_that_is_too_long_is_refused(state):
    async with serving(state) as session:
        assert (await ask(session, "/gate/open", {**REVIEWS, "metadata": "x" * 70_000}))[0] == 413


async def test_there_is_no_shell_and_nothing_else(state):
    async with serving(state) as session:
        body = {**REVIEWS, "metadata": {"type": "bash", "cmd": "touch /tmp/x"}}
        assert (await ask(session, "/", body))[0] == 404
        assert (await ask(session, "/gate/open", method="GET"))[0] == 405
        assert await ask(session, "/healthz", token="", method="GET") == (200, "OK")


async def test_a_gate_that_cannot_be_kept_is_not_opened(state):
    async with serving(state) as session:
        state.parent.rename(state.parent.with_name("gone"))
        try:
            assert (await ask(session, "/gate/open"))[0] == 500
            assert (await ask(session, "/gate/check"))[0] == 403
        finally:
            state.parent.with_name("gone").rename(state.parent)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1}', '{"version": 2, "open": []}', '{"version": 1, "open": [1]}']
)
def test_a_file_that_is_not_understood_is_never_written_over(state, text):
    state.write_text(text)
    with pytest.raises(LedgerError, match="move it away"):
        Ledger(state)
    assert state.read_text() == text


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path):
    with pytest.raises(LedgerError, match="cannot be written"):
        Ledger(tmp_path / "none" / "gates.json")


def test_gates_are_bounded(state):
    state.write_text(json.dumps({"version": 1, "open": [f"gate/shop/{number}" for number in range(MOST)]}))
    ledger = Ledger(state)
    with pytest.raises(LedgerError, match="close those that are not needed"):
        ledger.put("gate/shop/one-more", is_open=True)
    assert not ledger.is_open("gate/shop/one-more")
