"""docs/fields.md says what is: every field is on it, with a test that exists, and nothing else."""

import ast
from functools import cache

from tests.docs import fields
from tests.docs.field_tests import TESTS


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((fields.ROOT / "tests" / file).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


def test_every_field_has_a_test_and_says_what_it_does():
    for path, inner in fields.every_field().items():
        assert fields.test_of(path)
        assert inner.get("description"), path


def test_every_named_test_exists_and_is_for_a_field_that_exists():
    for path, named in TESTS.items():
        file, _, name = named.partition("::")
        assert name in functions_of(file), named
        assert path in fields.every_field(), path


def test_the_page_is_what_would_be_written():
    assert fields.PAGE.read_text() == fields.page(), "write it anew: python -m tests.docs.fields"
