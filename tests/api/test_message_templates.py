"""Texts of alerts: what they may say, and that they can keep nobody busy."""

import pytest

from delivery.api.message_templates import MOST, NAMES, MessageTemplateError, check, render
from delivery.api.parse import InvalidSpec, parse_alert_provider


@pytest.mark.parametrize("name", NAMES)
def test_every_name_may_be_used(name: str) -> None:
    check(f"{{{{ {name} }}}}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ secret }}", "placeholder 'secret' is not known; allowed are at, canary"),
        ("{{ canary.__class__ }}", "canary.__class__ is not known"),
        ("{{ failing.memory }}", "failing.memory is not known; allowed are name, outcome"),
        ("{{ canary() }}", "Call is not allowed"),
        ("{{ 9 ** 9 ** 9 }}", "Pow is not allowed"),
        ("{{ canary * 99999999 }}", "Mul is not allowed"),
        ("{{ canary ~ canary }}", "Concat is not allowed"),
        ("{% for a in checks %}{% for b in checks %}x{% endfor %}{% endfor %}", "none within another"),
        ("{% for a in range(9) %}x{% endfor %}", "a loop over checks"),
        ("{% include 'x' %}", "Include is not allowed"),
        ("{% set x = 1 %}", "Assign is not allowed"),
        ("{{ message|attr('x') }}", "filter 'attr' is not known"),
        ("{{ message|center(999999999) }}", "filter 'center' is not known"),
        ("{% if %}", "line 1"),
    ],
)
def test_what_is_more_than_words_is_refused_when_it_is_written(text: str, words: str) -> None:
    with pytest.raises(MessageTemplateError) as refused:
        check(text)
    assert words in str(refused.value)
    spec = {"type": "slack", "address": "https://hooks.example.com", "template": text}
    with pytest.raises(InvalidSpec, match=r"spec\.template"):
        parse_alert_provider({"metadata": {"name": "us"}, "spec": spec})


def test_a_text_is_as_long_as_a_message_at_most() -> None:
    assert len(render("{{ message }}", {"message": "x" * (2 * MOST)})) == MOST


def test_a_value_that_is_not_there_is_an_error_and_no_gap() -> None:
    with pytest.raises(MessageTemplateError):
        render("{{ failing.name }}", {"failing": None})
