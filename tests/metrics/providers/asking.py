"""Questions to a provider as these tests put them, and servers that answer badly or not at all."""

import socket
from typing import Any

from metrics.providers import Providers, QueryError, Samples
from tests.metrics.conftest import NOON, Handler, Server

PATIENCE = 20.0

DEAD: list[socket.socket] = []


async def ask(providers: Providers, address: str, query: str = "q", timeout: float = PATIENCE) -> Samples | QueryError:
    answers = await providers.provider_for(address).query([query], at=NOON, timeout=timeout)
    return answers[query]


async def error(providers: Providers, address: str, timeout: float = PATIENCE) -> QueryError:
    answer = await ask(providers, address, timeout=timeout)
    assert isinstance(answer, QueryError), answer
    return answer


def result(server: Server, kind: str, value: Any) -> None:
    server.script = lambda handler: handler.result(kind, value)


def hang(server: Server) -> None:
    """Answers nothing until the test lets go, and then hangs up."""

    def silence(handler: Handler) -> None:
        server.release.wait(PATIENCE)
        handler.close_connection = True

    server.script = silence


def dead_address() -> str:
    """An address where a socket is bound that nobody listens on, so that nobody else can either."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    DEAD.append(taken)
    return f"http://127.0.0.1:{taken.getsockname()[1]}"
