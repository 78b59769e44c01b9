"""Whose word it is: only what the webhook wrote counts as known, and it fits no other words."""

from pathlib import Path
from typing import Any

import pytest

from delivery.cluster.objects import APPROVALS, FREEZES
from delivery.gates.seal import Seal

SAID = {
    "canary": "reviews", "run": "a1b2c3-x", "revision": "v1-a1b2c3", "gate": "sign-off", "decision": "approve",
    "reason": "fine",
}  # fmt: skip


@pytest.fixture
def seal(tmp_path: Path) -> Seal:
    (tmp_path / "tls.key").write_text("a private key")
    return Seal(str(tmp_path / "tls.key"))


def sealed(seal: Seal, **changes: Any) -> dict[str, Any]:
    spec = {**SAID, "user": "somebody-else", "signature": "forged"}
    spec |= seal.stamped(APPROVALS, "shop", spec, "jane")
    return {"metadata": {"namespace": "shop", "name": "a"}, "spec": {**spec, **changes}}


def test_what_the_webhook_wrote_is_known(seal: Seal) -> None:
    body = sealed(seal)
    assert body["spec"]["user"] == "jane"
    assert seal.vouches(body, APPROVALS)


@pytest.mark.parametrize(
    "changes",
    [
        {"user": "joe"}, {"decision": "deny"}, {"run": "other"}, {"gate": "other"}, {"reason": "bad"}, {"step": 1},
        {"signature": ""}, {"signature": "x" * 64}, {"signature": "ü"},
    ],
)  # fmt: skip
def test_no_other_words_can_be_put_under_a_seal(seal: Seal, changes: dict[str, Any]) -> None:
    assert not seal.vouches(sealed(seal, **changes), APPROVALS)


def test_a_seal_is_good_in_its_namespace_and_for_its_kind_only(seal: Seal) -> None:
    body = sealed(seal)
    assert not seal.vouches(body, FREEZES)
    assert not seal.vouches({**body, "metadata": {"namespace": "bank", "name": "a"}}, APPROVALS)


def test_without_the_key_or_with_another_one_a_name_is_a_claim(seal: Seal, tmp_path: Path) -> None:
    body = sealed(seal)
    assert not Seal().vouches(body, APPROVALS)
    assert not Seal(str(tmp_path / "gone.key")).vouches(body, APPROVALS)
    (tmp_path / "tls.key").write_text("another private key")
    assert not seal.vouches(body, APPROVALS)


def test_a_key_that_cannot_be_read_makes_no_seal(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        Seal(str(tmp_path / "gone.key")).stamped(APPROVALS, "shop", SAID, "jane")
