"""What hooks see of a write before it is stored. Apart from the store, so that a hook need not know it."""

from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import Object, Ref

Body = dict[str, Any]


@dataclass(slots=True)
class Admission:
    """A write on its way in. A hook may change `object` (of a write to a subresource, nothing), or raise a
    RejectionError.
    """

    operation: str
    ref: Ref
    object: Body
    old: Object | None
    subresource: str
    manager: str
