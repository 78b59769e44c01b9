"""The demo's Slack answers as Slack's reference says, and what it was told is judged."""

import base64
import io
from collections.abc import AsyncIterator

import aiohttp
import pytest
from rich.console import Console

from delivery.sandbox.demo.slack import Edition, Slack, complaints, table

BEGINS, ENDS = "bookinfo/reviews: NewRevision - a run begins", "bookinfo/reviews: Promoted - it serves all users"


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    async with Slack.serving(lambda: 7.0) as slack:
        yield slack


async def said(slack: Slack, method: str, token: str | None = None, **body: str) -> dict[str, object]:
    data = {key: base64.b64decode(value).decode() for key, value in slack.secret("bookinfo")["data"].items()}
    assert data["address"] == f"{slack.url}/api/chat.postMessage"
    headers = {"Authorization": f"Bearer {token or data['token']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url = f"{slack.url}/api/{method}"
        async with session.post(url, json={"channel": "releases", **body}) as response:
            answer: dict[str, object] = await response.json()
            return answer


async def test_a_message_is_edited_in_place_and_keeps_what_it_said(slack: Slack) -> None:
    answer = await said(slack, "chat.postMessage", text=BEGINS)
    assert (answer["ok"], answer["channel"]) == (True, "C-releases")
    ts = str(answer["ts"])
    assert await said(slack, "chat.postMessage", text="more of it", thread_ts=ts)
    for _ in range(2):
        assert (await said(slack, "chat.update", ts=ts, text=ENDS))["ts"] == ts
    assert slack.of_runs() == [[Edition(7.0, BEGINS), Edition(7.0, ENDS)]]
    assert complaints(slack.of_runs(), "Promoted") == []


async def test_a_message_about_no_run_is_not_counted(slack: Slack) -> None:
    await said(slack, "chat.postMessage", text="bookinfo/reviews: Initialized - the primary serves")
    assert slack.of_runs() == []


async def test_strangers_and_edits_of_nothing_are_refused(slack: Slack) -> None:
    assert await said(slack, "chat.postMessage", token="x", text=BEGINS) == {"ok": False, "error": "invalid_auth"}
    assert await said(slack, "chat.update", token="x", ts="1", text=BEGINS) == {"ok": False, "error": "invalid_auth"}
    assert await said(slack, "chat.update", ts="1", text=ENDS) == {"ok": False, "error": "message_not_found"}
    reply = await said(slack, "chat.postMessage", thread_ts="1", text=ENDS)
    assert reply == {"ok": False, "error": "thread_not_found"}
    assert slack.messages == {}


def test_two_messages_or_another_end_are_not_as_promised() -> None:
    begun = [Edition(7.0, BEGINS)]
    assert complaints([], "Promoted") == ["Slack: one message was expected, there are 0"]
    assert complaints([begun, begun], "Promoted") == ["Slack: one message was expected, there are 2"]
    assert complaints([begun], "Promoted") == [f"Slack: the message should say Promoted, and says: {BEGINS}"]


def test_all_that_it_said_is_shown_with_its_time() -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(table([[Edition(13.4, BEGINS), Edition(71.0, ENDS)]]))
    rows = [[cell.strip() for cell in line.split("│")[1:3]] for line in out.getvalue().splitlines() if "│" in line]
    assert rows == [["0:13", BEGINS], ["1:11", ENDS]]
