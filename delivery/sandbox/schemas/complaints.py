"""Causes in the API server's phrases: the field, what was given, what is allowed."""

from collections.abc import Iterable
from typing import Any

from delivery.cluster.memory.rejections import Cause
from delivery.sandbox.schemas.validation import quoted, shown


def invalid(field: str, value: Any, why: str) -> Cause:
    """A value that breaks a rule."""
    return Cause(field, f"Invalid value: {shown(value)}: {why}", "FieldValueInvalid")


def required(field: str, why: str = "") -> Cause:
    """A value that is missing."""
    return Cause(field, f"Required value: {why}" if why else "Required value", "FieldValueRequired")


def unsupported(field: str, value: Any, allowed: Iterable[str]) -> Cause:
    """A value that is none of those allowed, which are named in their order."""
    return Cause(
        field,
        f"Unsupported value: {shown(value)}: supported values: {', '.join(map(quoted, allowed))}",
        "FieldValueNotSupported",
    )


def duplicate(field: str, value: Any) -> Cause:
    """A value that was there before."""
    return Cause(field, f"Duplicate value: {shown(value)}", "FieldValueDuplicate")


def forbidden(field: str, why: str) -> Cause:
    """A field that must not be set here."""
    return Cause(field, f"Forbidden: {why}", "FieldValueForbidden")


def not_found(field: str, value: Any) -> Cause:
    """A name that names nothing."""
    return Cause(field, f"Not found: {shown(value)}", "FieldValueNotFound")


def non_negative(field: str, value: Any) -> list[Cause]:
    """An absent number is fine."""
    return [invalid(field, value, "must be greater than or equal to 0")] if (value or 0) < 0 else []
