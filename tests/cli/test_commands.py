"""Commands as people type them, against an API server: what is written, waited for and said, and how it ends."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner, Result

from delivery.api.commands import COMMAND
from delivery.cli import main
from delivery.cluster.objects import CANARIES, Ref
from tests.cli.served import Served

RUN = {"id": "5f6b7c-mabc", "revision": "v2-5f6b7c000000", "started": "2026-03-01T12:00:00Z"}
OPEN = {"phase": "Progressing", "revision": RUN["revision"], "canaryWeight": 10, "run": RUN}
REST = {"phase": "Succeeded", "revision": "v2-1"}


def call(served: Served, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--kubeconfig", str(served.kubeconfig)])


def given(served: Served, name: str, namespace: str = "default") -> Any:
    """The command on a Canary."""
    body = served.get(CANARIES, name, namespace)
    text = (body["metadata"].get("annotations") or {}).get(COMMAND)
    return json.loads(text) if text else None


@contextmanager
def controlled(served: Served, *, refuse: str = "") -> Iterator[None]:
    """Something that answers every command, as a controller would."""

    def answer(event: Any) -> None:
        text = (event.object["metadata"].get("annotations") or {}).get(COMMAND)
        known = (event.object.get("status") or {}).get("command") or {}
        if text is None or known.get("id") == json.loads(text)["id"]:
            return
        command = {"id": json.loads(text)["id"], "verb": json.loads(text)["verb"], "at": "2026-03-01T12:00:01Z"}
        verdict = {"accepted": not refuse, "message": refuse or f"{command['verb']} was done"}
        patch = [{"op": "add", "path": "/status/command", "value": {**command, **verdict}}]
        served.loop.call_soon(lambda: served.store.patch(event.ref, patch, subresource="status"))

    served.then(lambda: served.store.observers.append(lambda event: event.ref.kind == CANARIES and answer(event)))
    yield


def test_an_abort_is_written_bound_to_its_run_and_its_answer_is_printed(served: Served) -> None:
    served.canary("reviews", status=OPEN)
    with controlled(served):
        result = call(served, "abort", "reviews", "--reason", "errors at checkout")

    assert (result.exit_code, result.stdout) == (0, "reviews: abort was done\n")
    command = given(served, "reviews")
    assert (command["verb"], command["run"]) == ("abort", RUN["id"])
    assert command["arguments"] == {"reason": "errors at checkout"}
    assert command["at"].endswith("Z")
    assert len(command["id"]) == 10


def test_a_refusal_is_said_and_ends_with_1(served: Served) -> None:
    served.canary("reviews", status=REST)
    with controlled(served, refuse="no run is open"):
        result = call(served, "abort", "reviews")

    assert (result.exit_code, result.stderr) == (1, "reviews: refused: no run is open\n")


def test_promote_says_how_far(served: Served) -> None:
    served.canary("reviews", status=OPEN)
    with controlled(served):
        assert call(served, "promote", "reviews", "--full").exit_code == 0

    assert given(served, "reviews")["arguments"] == {"full": True}


@pytest.mark.parametrize(
    ("arguments", "open_", "idle"),
    [
        (("-l", "team=shop"), ["reviews"], ["details"]),
        (("--all",), ["ratings", "reviews"], ["details"]),
    ],
)
def test_many_at_once_leaves_those_alone_where_there_is_nothing_to_do(
    served: Served, arguments: tuple[str, ...], open_: list[str], idle: list[str]
) -> None:
    served.canary("reviews", status=OPEN, team="shop")
    served.canary("ratings", status=OPEN, team="books")
    served.canary("details", status=REST, team="shop")
    served.canary("cart", "shop", status=OPEN, team="shop")
    with controlled(served):
        result = call(served, "abort", *arguments)

    assert result.exit_code == 0
    lines = [*(f"{name}: nothing to abort" for name in idle), *(f"{name}: abort was done" for name in open_)]
    assert sorted(result.stdout.splitlines()) == sorted(lines)
    assert given(served, "details") is None
    assert given(served, "cart", "shop") is None


def test_all_namespaces(served: Served) -> None:
    served.canary("reviews", status=OPEN)
    served.canary("cart", "shop", status=OPEN)
    with controlled(served):
        result = call(served, "abort", "--all", "-A")

    assert (result.exit_code, result.stdout) == (0, "default/reviews: abort was done\nshop/cart: abort was done\n")


def test_a_controller_that_is_down_is_said_and_the_command_stays(served: Served) -> None:
    served.canary("reviews", status=OPEN)
    result = call(served, "pause", "reviews", "--timeout", "0.3")

    assert result.exit_code == 3
    assert "no answer within 0.3 s: is the controller running? It is carried out when it is." in result.stderr
    assert given(served, "reviews")["verb"] == "pause"
    assert call(served, "resume", "reviews", "--timeout", "0").exit_code == 1, "the first one waits for its answer"
    assert given(served, "reviews")["verb"] == "pause"
    assert call(served, "abort", "reviews", "--timeout", "0").exit_code == 0, "an abort waits for nobody"
    assert given(served, "reviews")["verb"] == "abort"


def test_a_command_whose_place_another_takes_is_not_waited_for(served: Served) -> None:
    served.canary("reviews", status=OPEN)

    def replace_it(event: Any) -> None:
        text = (event.object["metadata"].get("annotations") or {}).get(COMMAND)
        if event.ref.kind == CANARIES and text and json.loads(text)["id"] != "other":
            patch = [
                {"op": "add", "path": "/metadata/annotations", "value": {COMMAND: '{"id":"other","verb":"abort"}'}}
            ]
            served.loop.call_soon(lambda: served.store.patch(event.ref, patch))

    served.then(lambda: served.store.observers.append(replace_it))
    result = call(served, "pause", "reviews")

    assert (result.exit_code, result.stderr) == (
        1,
        "reviews: not done: somebody has given another command before this one was read\n",
    )


def test_a_canary_that_changes_meanwhile_is_read_again(served: Served) -> None:
    served.canary("reviews", status=OPEN)
    ref, changes = Ref(CANARIES, "default", "reviews"), []

    def change(admission: Any) -> None:
        if admission.ref == ref and admission.manager == "delivery" and len(changes) < 2:
            changes.append(1)
            label = [{"op": "add", "path": "/metadata/labels", "value": {"n": str(len(changes))}}]
            served.store.admission.remove(change)
            served.store.patch(ref, label)
            served.store.admission.append(change)

    served.then(lambda: served.store.admission.append(change))
    with controlled(served):
        assert call(served, "abort", "reviews").exit_code == 0


def test_an_unknown_name_is_answered_with_those_near_it(served: Served) -> None:
    served.canary("reviews", status=OPEN)
    result = call(served, "abort", "review")

    assert (result.exit_code, "did you mean reviews?" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("abort",), "exactly one of them"),
        (("abort", "x", "--all"), "exactly one of them"),
        (("abort", "x", "-A"), "-A goes with -l or --all"),
        (("abort", "--all", "-A", "-n", "shop"), "both of -n and -A"),
        (("pause", "x", "--full"), "No such option"),
        (("promote", "x", "--timeout", "soon"), "is not a valid float"),
    ],
)
def test_a_wrong_call_touches_nothing(served: Served, arguments: tuple[str, ...], says: str) -> None:
    result = call(served, *arguments)

    assert (result.exit_code, says in result.stderr) == (2, True)


@pytest.mark.parametrize("verb", ["promote", "abort", "retry", "restart", "pause", "resume"])
def test_every_verb_reaches_the_canary(served: Served, verb: str) -> None:
    served.canary("reviews", status=OPEN)
    with controlled(served):
        result = call(served, verb, "reviews")

    assert (result.exit_code, result.stdout) == (0, f"reviews: {verb} was done\n")
    assert threading.active_count() < 20
