"""Commands that look, called from outside against a real HTTP server: as text, JSON and YAML."""

import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from delivery.api.status import dump
from delivery.cli import main
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, EVENTS, PODS, Ref
from tests.cli.served import Served
from tests.terminal import recorded

GET = {"apiVersion", "kind", "at", "namespace", "name", "phase", "reason", "message", "since", "step", "steps"} | {
    *("wanted", "seen", "mirror", "run", "revision", "promoted", "failed", "threshold", "next", "roles", "checks"),
    *("gates", "conditions", "timers", "events", "notes"),
    *("held", "command", "approvals", "freezes", "freezesKnown", "window"),
}


def call(served: Served, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--kubeconfig", str(served.kubeconfig)])


def said(served: Served, *arguments: str) -> str:
    result = call(served, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def place(body: dict[str, Any]) -> dict[str, Any]:
    meta = {key: value for key, value in body["metadata"].items() if key not in ("namespace", "resourceVersion")}
    return {**body, "metadata": meta}


@pytest.fixture(autouse=True)
def unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def running(served: Served) -> Served:
    """A run at step 2 of 4, with pods and Events."""
    served.canary("reviews", status=dump(recorded.PROGRESSING), team="books")
    for name, image, count in (("reviews", "reviews:v2", 1), ("reviews-primary", "reviews:v1", 2)):
        served.create(DEPLOYMENTS, place(recorded.deployment(name, image, count)))
        for number in range(count):
            pod = place(recorded.pod(f"{name}-{number}", app=name))
            served.create(PODS, pod)
            served.status(PODS, f"{name}-{number}", pod["status"])
    told = recorded.event("Advanced", "10 % of requests to the canary (step 2 of 4)", recorded.NOW)
    told["involvedObject"]["namespace"] = "default"
    served.create(EVENTS, place(told))
    other = recorded.event("Advanced", "somebody else's", recorded.NOW)
    other["metadata"]["name"], other["involvedObject"] = "other", {"kind": "Canary", "name": "ratings"}
    served.create(EVENTS, place(other))
    return served


def test_get_shows_everything_on_one_screen(running: Served) -> None:
    text = said(running, "get", "reviews")

    for each in ("step 2 of 4", "wanted 10 %, seen 9.8 %", "reviews:v1", "2/2", "97.5 %", "min 99", "█▇▁", "Advanced"):
        assert each in text
    assert "somebody else's" not in text
    assert "\x1b" not in text, "no terminal, no control codes"


def test_without_a_terminal_no_line_is_cut_or_folded(running: Served) -> None:
    text = said(running, "get", "reviews")

    assert "10 % of requests to the canary (step 2 of 4)" in text
    assert "…" not in text


def test_columns_are_respected_without_a_terminal(running: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    assert max(map(len, said(running, "get", "reviews").splitlines())) <= 60


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_get_has_a_shape_for_programs(running: Served, form: str) -> None:
    body = yaml.safe_load(said(running, "get", "reviews", "-o", form))

    assert set(body) == GET
    assert (body["apiVersion"], body["kind"]) == ("terminal.progressive.delivery/v1", "CanaryView")
    assert (body["step"], body["steps"], body["wanted"], body["seen"]) == (2, 4, 10, 9.8)
    assert body["checks"][0]["recent"] == [99.8, 99.4, 97.5]
    assert [each["ready"] for each in body["roles"]] == [2, 1]
    assert body["next"]["action"].startswith("step 3 of 4")


def test_list_shows_what_each_canary_does(running: Served) -> None:
    running.canary("ratings")
    running.canary("cart", "shop")

    text = said(running, "list")
    assert [line.split()[0] for line in text.splitlines()] == ["Name", "ratings", "reviews"]
    assert "step 3 of 4" in text
    everywhere = said(running, "list", "-A")
    assert [line.split()[:2] for line in everywhere.splitlines()][1:] == [
        ["default", "ratings"],
        ["default", "reviews"],
        ["shop", "cart"],
    ]
    only = json.loads(said(running, "list", "-l", "team=books", "-o", "json"))
    assert (only["kind"], [each["name"] for each in only["items"]]) == ("CanaryRowList", ["reviews"])
    assert said(running, "list", "-l", "team=nobody") == "there is no Canary here\n"


def test_history_and_why_speak_of_the_last_run(served: Served) -> None:
    served.canary("reviews", status=dump(recorded.FAILED))

    text = said(served, "history", "reviews")
    assert [line.split()[3] for line in text.splitlines()[1:]] == ["RolledBack", "Promoted"]
    first, second = json.loads(said(served, "history", "reviews", "-o", "json"))["items"]
    assert (first["result"], first["seconds"], second["result"]) == ("RolledBack", 300.0, "Promoted")
    explained = said(served, "why", "reviews")
    assert "57 of 1,204 requests failed" in explained
    assert "7 failed requests fewer would have passed" in explained
    assert json.loads(said(served, "why", "reviews", "-o", "json"))["kind"] == "Explanation"


@pytest.mark.parametrize("command", ["get", "history", "why"])
def test_a_status_that_nobody_of_ours_wrote_is_said_in_words(served: Served, command: str) -> None:
    served.canary("odd")
    served.then(lambda: _spoil(served))

    result = call(served, command, "odd")
    assert result.exit_code == 1
    assert "the status of Canary 'odd' cannot be read: status.phase" in result.output
    assert "UnreadableStatus" in said(served, "list"), "the others of the list can still be read"


@pytest.mark.parametrize("command", ["get", "why"])
def test_a_status_of_a_newer_controller_is_shown_with_the_word_that_an_older_one_leaves_it_alone(
    served: Served, command: str
) -> None:
    served.canary("reviews", status={**dump(recorded.PROGRESSING), "version": 99})

    shown = " ".join(said(served, command, "reviews").split())
    assert "status.version is 99, of a newer version than this program" in shown
    assert "an older controller leaves the Canary alone" in shown


def _spoil(served: Served) -> None:
    """As if a CRD of another time had let it in."""
    served.store.admission.clear()
    op = {"op": "add", "path": "/status", "value": {"phase": "Sleeping"}}
    served.store.patch(Ref(CANARIES, "default", "odd"), [op], subresource="status")


@pytest.mark.parametrize("command", ["get", "history", "why"])
def test_an_unknown_canary_is_answered_with_those_near_it(running: Served, command: str) -> None:
    result = call(running, command, "review")

    assert result.exit_code == 1
    assert "did you mean reviews?" in result.output
