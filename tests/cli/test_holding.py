"""What holds a Canary, read by commands from a real HTTP server: Freezes, the window, the last command."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from delivery.api.status import dump
from delivery.cli import main
from delivery.cluster.objects import CANARIES, FREEZES, Ref
from delivery.gates import freezing
from delivery.sandbox.server.builtin import CRDS
from tests.cli.served import Served
from tests.terminal import recorded
from tests.terminal.holding import DENIED, FROZEN

HOME = ("--controller-namespace", "shop")
LOOKS = (["get", "reviews"], ["why", "reviews"], ["list"])


def call(served: Served, *arguments: str) -> Result:
    result = CliRunner().invoke(main, [*arguments, "--kubeconfig", str(served.kubeconfig)])
    assert result.exit_code == 0, result.output
    return result


def body(served: Served, *arguments: str) -> dict[str, Any]:
    """What a program reads; of a list its first item."""
    found: dict[str, Any] = json.loads(call(served, *arguments, "-o", "json").output)
    return {**found, **found["items"][0]} if "items" in found else found


def frozen(served: Served, namespace: str, reason: str, **length: int) -> None:
    now = datetime.now(UTC)
    made = freezing.freeze(namespace, now + timedelta(**length), reason, "jane", now)
    made["metadata"]["name"] = f"for-{reason.split()[-1]}"
    served.create(FREEZES, made, namespace)


def windows(served: Served, **rules: Any) -> None:
    """Have the Canary roll out at these times only."""
    op = {"op": "add", "path": "/spec/rolloutWindows", "value": rules}
    served.then(lambda: served.store.patch(Ref(CANARIES, "default", "reviews"), [op]))


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "DELIVERY_LEASE_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def running(served: Served) -> Served:
    served.canary("reviews", status=dump(recorded.PROGRESSING))
    return served


@pytest.mark.parametrize("command", LOOKS, ids=lambda each: each[0])
def test_freezes_of_the_canary_s_namespace_and_of_the_controller_s_are_shown(
    running: Served, command: list[str]
) -> None:
    frozen(running, "default", "a small matter", hours=2)
    frozen(running, "shop", "the big days", days=2)

    text = call(running, *command, *HOME).output
    assert "by jane (claimed): a small matter (for-matter in default: the Canaries of default)" in text
    assert "by jane (claimed): the big days (for-days in shop: all Canaries)" in text
    elsewhere = call(running, *command).output
    assert "the big days" not in elsewhere, "the controller is in another namespace"


def test_the_controller_s_namespace_comes_from_the_environment_too(
    running: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen(running, "shop", "the big days", days=2)
    monkeypatch.setenv("DELIVERY_LEASE_NAMESPACE", "shop")

    assert [each["name"] for each in body(running, "get", "reviews")["freezes"]] == ["for-days"]


def test_a_list_of_all_namespaces_has_each_freeze_with_its_canaries(running: Served) -> None:
    running.canary("cart", "shop")
    frozen(running, "default", "a small matter", hours=2)
    items = json.loads(call(running, "list", "-A", "-o", "json").output)["items"]

    found = {each["name"]: ([freeze["name"] for freeze in each["freezes"]], each["freezesKnown"]) for each in items}
    assert found == {"reviews": (["for-matter"], True), "cart": ([], True)}


@pytest.mark.parametrize("command", LOOKS, ids=lambda each: each[0])
def test_a_cluster_without_the_kind_is_looked_at_all_the_same(served: Served, command: list[str]) -> None:
    """Installations of before have no Freezes; whoever looks is told that nobody can know."""
    served.canary("reviews", status=dump(FROZEN))
    served.then(lambda: served.store.delete(Ref(CRDS, "", "freezes.progressive.delivery")))

    text = call(served, *command).output
    assert "Progressing" in text
    assert "whether a Freeze holds rollouts is not known" in text
    assert "does not know freezes: install the CRDs" in text
    if command[0] == "get":
        assert "rollouts are frozen until 2026-03-04 08:00 UTC by ops: the big days" in text, "the condition says it"
    found = body(served, *command)
    assert len([each for each in found["notes"] if "not known" in each]) == 2, "in both namespaces"
    if command[0] != "why":
        assert found["freezesKnown"] is False


def test_a_list_without_canaries_says_nothing_of_freezes(served: Served) -> None:
    served.then(lambda: served.store.delete(Ref(CRDS, "", "freezes.progressive.delivery")))

    assert call(served, "list").output == "there is no Canary here\n"


@pytest.mark.parametrize("command", LOOKS, ids=lambda each: each[0])
def test_a_closed_window_is_read_off_the_calendar(running: Served, command: list[str]) -> None:
    now = datetime.now(UTC)
    month = (now.month + 5) % 12 + 1
    windows(running, allow=[{"cron": f"0 9 1 {month} *", "durationSeconds": 3600}], onClose="hold")
    found = body(running, *command)
    text = call(running, *command).output

    assert f'closed outside of allow "0 9 1 {month} *" (1h), UTC; opens ' in text
    assert "the run keeps its weight" in text
    if command[0] == "why":
        assert any("rollout window closed" in each for each in found["heldBy"])
        return
    opens = datetime.fromisoformat(found["window"]["until"])
    assert (found["window"]["open"], opens.month, opens.day, opens.hour) == (False, month, 1, 9)
    assert found["window"]["closedBy"] == [{"cron": f"0 9 1 {month} *", "seconds": 3600, "denies": False}]
    assert "window" in found["held"]


def test_a_denial_is_named_and_not_what_is_allowed(running: Served) -> None:
    denied = {"cron": "* * * * *", "durationSeconds": 86400}
    windows(running, allow=[{"cron": "0 9 * * *", "durationSeconds": 60}], deny=[denied])

    window = body(running, "get", "reviews")["window"]
    assert window["closedBy"] == [{"cron": "* * * * *", "seconds": 86400, "denies": True}]
    assert window["open"] is False


def test_an_open_window_is_closed_by_nothing(running: Served) -> None:
    windows(running, allow=[{"cron": "* * * * *", "durationSeconds": 86400}])

    window = body(running, "get", "reviews")["window"]
    assert (window["open"], window["closedBy"]) == (True, [])


def test_rules_that_nobody_can_read_fail_no_look(running: Served) -> None:
    def spoil() -> None:
        running.store.admission.clear()
        op = {"op": "add", "path": "/spec/rolloutWindows", "value": {"allow": [{"cron": "often"}]}}
        running.store.patch(Ref(CANARIES, "default", "reviews"), [op])

    running.then(spoil)
    assert body(running, "get", "reviews")["window"] is None


def test_a_command_without_an_answer_is_seen_by_everybody(running: Served) -> None:
    said = json.dumps({"id": "b2", "verb": "pause", "by": "jane", "arguments": {"reason": "errors"}})
    op = {"op": "add", "path": "/metadata/annotations", "value": {"progressive.delivery/command": said}}
    running.then(lambda: running.store.patch(Ref(CANARIES, "default", "reviews"), [op]))

    for command in LOOKS:
        assert "pause by jane (claimed) (errors): unanswered" in call(running, *command).output
    assert body(running, "get", "reviews")["command"]["state"] == "unanswered"


def test_history_says_who_refused_a_gate(served: Served) -> None:
    served.canary("reviews", status=dump(DENIED))

    assert "gate sign-off denied by jane: wrong copy on the page" in call(served, "history", "reviews").output
    word = body(served, "history", "reviews")["gates"][-1]
    assert (word["gate"], word["word"], word["by"], word["claimed"]) == ("sign-off", "denied", "jane", False)
