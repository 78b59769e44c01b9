"""Who gave a command: what the webhook wrote beside it is believed, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from delivery.api.commands import COMMAND
from delivery.cluster.objects import APPROVALS, CANARIES, FREEZES, METRIC_TEMPLATES
from delivery.gates.people import People
from delivery.gates.seal import Seal
from delivery.gates.stamping import SPEAKER, speaker, stamp

PAUSE = '{"id": "p-1", "verb": "pause", "by": "joe"}'
ABORT = '{"id": "a-1", "verb": "abort", "by": "joe"}'


@pytest.fixture
def seal(tmp_path: Path) -> Seal:
    (tmp_path / "tls.key").write_text("a private key")
    return Seal(str(tmp_path / "tls.key"))


def canary(*, name: str = "reviews", namespace: str = "shop", **annotations: str) -> dict[str, Any]:
    named = {COMMAND if key == "command" else SPEAKER: text for key, text in annotations.items()}
    return {"metadata": {"name": name, "namespace": namespace, "annotations": named}, "spec": {}}


def stamped(seal: Seal, body: dict[str, Any], *, user: str = "jane", old: dict[str, Any] | None = None) -> Any:
    """The body as it is stored."""
    patch = stamp(seal, CANARIES, body, old, user)
    annotations = {**body["metadata"]["annotations"], **patch.get("metadata", {}).get("annotations", {})}
    return {**body, "metadata": {**body["metadata"], "annotations": annotations}}


def by(seal: Seal, body: dict[str, Any]) -> str:
    found = People(None, seal, "home").command(body)  # type: ignore[arg-type] - reads nothing
    assert found is not None
    return found.by


def test_the_user_is_known_whatever_the_command_claims(seal: Seal) -> None:
    assert by(seal, stamped(seal, canary(command=PAUSE))) == "jane"


def test_a_command_that_was_there_before_is_not_somebody_elses_now(seal: Seal) -> None:
    """Somebody who edits a label of the Canary has not given the command on it."""
    given = stamped(seal, canary(command=PAUSE))
    assert stamp(seal, CANARIES, given, given, "joe") == {}


def test_another_command_has_another_speaker(seal: Seal) -> None:
    given = stamped(seal, canary(command=PAUSE))
    given["metadata"]["annotations"][COMMAND] = ABORT
    assert by(seal, given) == "joe (claimed)", "past the webhook: the stamp is of the one before"
    assert by(seal, stamped(seal, given, user="ann", old=canary(command=PAUSE))) == "ann"


@pytest.mark.parametrize("where", [{"name": "ratings"}, {"namespace": "bank"}])
def test_a_copy_on_another_canary_is_nobodys_word(seal: Seal, where: dict[str, str]) -> None:
    given = stamped(seal, canary(command=PAUSE))["metadata"]["annotations"]
    assert by(seal, canary(command=given[COMMAND], speaker=given[SPEAKER], **where)) == "joe (claimed)"


@pytest.mark.parametrize(
    "text",
    ["", "no json", "[]", "{}", '{"user": "a"}', '{"user": "a", "signature": "forged"}', '{"user": 1, "signature": 2}'],
)
def test_a_stamp_that_nobody_made_is_not_believed(seal: Seal, text: str) -> None:
    assert by(seal, canary(command=PAUSE, speaker=text)) == "joe (claimed)"


def test_a_name_cannot_be_exchanged(seal: Seal) -> None:
    given = stamped(seal, canary(command=PAUSE))["metadata"]["annotations"]
    said = {**json.loads(given[SPEAKER]), "user": "ann"}
    assert by(seal, canary(command=PAUSE, speaker=json.dumps(said))) == "joe (claimed)"


def test_without_a_key_it_is_a_claim_and_still_a_command(tmp_path: Path) -> None:
    for seal in (Seal(), Seal(str(tmp_path / "gone"))):
        body = stamped(seal, canary(command=PAUSE))
        assert (speaker(seal, body), by(seal, body)) == (None, "joe (claimed)")


def test_who_says_nothing_of_themselves_claims_nothing(seal: Seal) -> None:
    assert by(seal, canary(command='{"id": "p", "verb": "pause"}')) == ""


def test_no_name_is_longer_than_a_status_has_room_for(seal: Seal) -> None:
    claimed = by(seal, canary(command=json.dumps({"id": "p", "verb": "pause", "by": "x" * 300})))
    known = by(seal, stamped(seal, canary(command=PAUSE), user="y" * 300))
    assert (len(claimed), claimed[-10:], len(known)) == (60, " (claimed)", 60)


def test_only_words_are_stamped(seal: Seal) -> None:
    word = {"metadata": {"namespace": "shop"}, "spec": {"reason": "x"}}
    assert [bool(stamp(seal, kind, word, None, "jane")) for kind in (APPROVALS, FREEZES, METRIC_TEMPLATES)] == [
        True, True, False,
    ]  # fmt: skip
    assert stamp(seal, APPROVALS, word, word, "jane") == {}
    assert stamp(seal, APPROVALS, {"metadata": {}, "spec": "?"}, None, "jane") == {}
