"""From the JSON of an object to frozen values, or to a list of what is wrong with it."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from delivery.api.approvals import Approval, Freeze
from delivery.api.canary import Canary
from delivery.api.defaults import with_defaults, without_nulls
from delivery.api.model import Piece
from delivery.api.problems import Problem, problems
from delivery.api.templates import AlertProvider, MetricTemplate

Model = TypeVar("Model", bound=Piece)


class InvalidSpec(ValueError):  # noqa: N818 - the name is also the reason of the condition that reports it
    """An object breaks its schema or a rule. The text has one line per problem."""

    def __init__(self, found: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in found))
        self.problems = found


def parse_canary(obj: Mapping[str, Any], *, provider: str | None = None) -> Canary:
    """A Canary from its JSON, defaults filled in. Raises InvalidSpec naming each field that is wrong.

    `provider` is that of a Canary which names none.
    """
    return validated(Canary, with_defaults(obj, provider=provider))


def parse_metric_template(obj: Mapping[str, Any]) -> MetricTemplate:
    """A MetricTemplate from its JSON. Raises InvalidSpec naming each field that is wrong."""
    return validated(MetricTemplate, without_nulls(obj))


def parse_alert_provider(obj: Mapping[str, Any]) -> AlertProvider:
    """An AlertProvider from its JSON. Raises InvalidSpec naming each field that is wrong."""
    return validated(AlertProvider, without_nulls(obj))


def parse_approval(obj: Mapping[str, Any]) -> Approval:
    """An Approval from its JSON. Raises InvalidSpec naming each field that is wrong."""
    return validated(Approval, without_nulls(obj))


def parse_freeze(obj: Mapping[str, Any]) -> Freeze:
    """A Freeze from its JSON. Raises InvalidSpec naming each field that is wrong."""
    return validated(Freeze, without_nulls(obj))


def validated(model: type[Model], body: Any) -> Model:
    """`body`, without nulls, as a `model`. Read as JSON, so that types are as strict as the API server's."""
    try:
        return model.model_validate_json(json.dumps(body, default=str))
    except ValidationError as error:
        raise InvalidSpec(problems(error, body=body, kind=model.__name__)) from error
