"""Files as people write them, and as nobody should."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.lint.documents import LARGEST
from delivery.lint.linting import WARNINGS, files_of, lint

CANARY = """\
apiVersion: progressive.delivery/v1beta1
kind: Canary
metadata: {name: reviews, namespace: bookinfo}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: reviews}
  service: {port: 9080}
  analysis:
    interval: 30s
"""


def rules(text: str) -> list[tuple[int, str]]:
    return [(each.line, each.rule) for each in lint([("canary.yaml", text)])]


def test_a_warning_can_be_meant_on_its_line_or_in_the_whole_file() -> None:
    short = CANARY + "    metrics: [{name: request-success-rate, interval: 30s, thresholdRange: {min: 99}}]\n"
    assert rules(short) == [(9, "short-window")]

    meant = short.replace("min: 99}}]", "min: 99}}]  # lint: ignore[short-window]")
    assert rules(meant) == []
    assert rules("# lint: ignore-file[short-window, one-strike]\n" + short) == []
    assert rules(meant.replace("short-window", "one-strike")) == [(9, "short-window")]


@pytest.mark.parametrize("comment", ["# lint: ignore", "# lint: ignore[]", "# lint: ignore[short-windows]"])
def test_a_comment_that_names_no_known_rule_is_a_mistake_itself(comment: str) -> None:
    assert rules(f"{comment}\n") == [(1, "unknown-rule")]


def test_an_error_is_no_matter_of_opinion() -> None:
    text = CANARY.replace("interval: 30s", "interval: 30  # lint: ignore[short-window]")

    assert [rule for _, rule in rules(text)] == ["invalid"]


def test_objects_of_a_list_have_their_own_lines() -> None:
    lines = "apiVersion: v1\nkind: List\nitems:\n- " + CANARY.replace("\n", "\n  ").replace("30s", "0s").rstrip()

    assert rules(lines) == [(11, "invalid")]


def test_json_is_read_too_and_what_is_not_ours_is_passed_over() -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "reviews"}, "spec": {}}
    mine = {"apiVersion": "progressive.delivery/v1beta1", "kind": "Canary", "metadata": {"name": "reviews"}}

    assert rules(json.dumps(deployment)) == []
    assert rules(json.dumps(mine)) == [(1, "missing-field")]
    assert rules("just words\n---\n- a list\n---\n") == []


def test_the_words_name_the_field_what_was_given_and_what_is_allowed() -> None:
    [found] = lint([("canary.yaml", CANARY.replace("interval: 30s", "iterval: 30s"))])

    assert str(found).startswith(
        "canary.yaml:8: error: Canary/reviews spec.analysis.iterval: "
        'given "30s", allowed no field of that name; did you mean interval?'
    )


def test_a_few_lines_that_mean_billions_are_refused() -> None:
    levels = "\n".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]" for n in range(9))
    [found] = lint([("bomb.yaml", f"a0: &a0 [x]\n{levels}\n")])

    assert (found.rule, "aliases counted each time" in found.message) == ("yaml", True)


def test_an_alias_to_itself_and_a_huge_file_are_refused() -> None:
    assert rules("a: &a [*a]\n") == [(1, "yaml")]
    assert rules("a: " + "x" * LARGEST) == [(1, "yaml")]


def test_merged_keys_are_no_duplicates_and_a_mistake_in_them_has_a_line() -> None:
    anchored = CANARY.replace("analysis:\n", "analysis:\n    <<: &common {interval: 1h5}\n").replace(
        "    interval: 30s\n", ""
    )

    assert [rule for _, rule in rules(anchored)] == ["invalid"]


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    for each in lint([("some.yaml", text)]):
        assert each.line >= 1
        assert each.message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=12,
    )
)
def test_no_spec_breaks_it(spec: object) -> None:
    body = {"apiVersion": "progressive.delivery/v1beta1", "kind": "Canary", "metadata": {"name": "a"}, "spec": spec}

    assert lint([("some.json", json.dumps(body))])


def test_folders_are_searched_and_every_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("a.yaml", "deep/b.yml", "deep/c.json", "README.md"):
        (tmp_path / name).write_text("")

    names = [file.name for file in files_of([tmp_path, tmp_path / "a.yaml"])]
    assert names == ["a.yaml", "b.yml", "c.json"]


def test_every_rule_has_its_place_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "lint.md").read_text()
    others = ("yaml", "duplicate-key", "api-version", "unknown-kind", "unknown-field", "missing-field", "invalid")
    more = ("never-passes", "max-duration-too-short", "refused-address", "promql", "promql-type", "owned-twice")

    for rule in (*WARNINGS, *others, *more, "never-opens", "unknown-rule"):
        assert f"| `{rule}` |" in page, rule
