"""KEDA's triggers follow the copy: a query about the target becomes the same query about the primary.

A copy that asks about the target would count the canary's load, which is nothing between runs, and scale the primary
down under its users.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from delivery.workloads.names import CANARY_SUFFIX


def follow(
    triggers: Sequence[Mapping[str, Any]], *, target: str, primary: str, queries: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The primary's triggers. Those that ask no query are copied as they are.

    `queries` gives the whole query of a trigger by its name; any other query says the primary's name wherever it says
    the target's, or the target's with the suffix of the canary service.
    """
    return [_follow(trigger, target=target, primary=primary, queries=queries) for trigger in triggers]


def _follow(trigger: Mapping[str, Any], *, target: str, primary: str, queries: Mapping[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = copy.deepcopy(dict(trigger))
    metadata = out.get("metadata")
    if not isinstance(metadata, dict) or "query" not in metadata:
        return out
    given = queries.get(str(out.get("name", "")))
    metadata["query"] = renamed(str(metadata["query"]), target, primary) if given is None else given
    return out


def renamed(query: str, target: str, primary: str) -> str:
    """A query with the target's name replaced. Longer names that begin or end with it are other workloads.

    `reviews`, `reviews-canary` and the beginning of a pod's name (`reviews-.*`, `reviews-[0-9]+`) are replaced;
    `reviews-v2`, `my-reviews`, `reviews_total` and `reviews-primary` are not.
    """
    name = rf"(?<![\w-]){re.escape(target)}(?:{re.escape(CANARY_SUFFIX)}(?!\w|-\w))?(?!\w|-\w)"
    return re.sub(name, primary.replace("\\", r"\\"), query)
