"""What people say of rollouts, each word an object of its own, so that permissions and the audit log hold for it."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from delivery.api.metadata import Metadata
from delivery.api.model import Piece, cel
from delivery.api.references import DNS_LABEL, Name

SAID_ONCE = cel(("self == oldSelf", "what was said cannot be changed; say it anew in another object"))
User = Annotated[str, Field(max_length=253)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
_USER = "Who says so. The admission webhook writes it; without the webhook it is what its author claims."
_SIGNATURE = "By what the controller knows that its own webhook wrote the user; whatever else is there is replaced."


class ApprovalSpec(Piece):
    """What somebody says of one gate of one run; once said, it is not changed."""

    model_config = ConfigDict(json_schema_extra=SAID_ONCE)

    canary: Name
    """Name of the Canary, in the same namespace."""
    run: str = Field(min_length=1, max_length=63)
    """The run, as in status.run.id: a word on one run opens no other."""
    revision: str = Field(min_length=1, max_length=63)
    """The revision that is rolled out, as in status.run.revision."""
    gate: str = Field(pattern=DNS_LABEL, max_length=63)
    """Name of the gate, as in spec.analysis.gates."""
    step: int | None = Field(default=None, ge=1, le=10000)
    """For a gate before each increase: the step that may be taken, from 1; without it, all of the run's."""
    decision: Literal["approve", "deny"]
    """Whether the gate opens, or the run is rolled back."""
    reason: Reason
    """Why."""
    user: User = Field(default="", description=_USER)
    signature: str = Field(default="", max_length=128, description=_SIGNATURE)


class Approval(Piece):
    """What somebody says of a gate at which a rollout waits."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["progressive.delivery/v1beta1"] = "progressive.delivery/v1beta1"
    kind: Literal["Approval"] = "Approval"
    metadata: Metadata
    spec: ApprovalSpec


class FreezeSpec(Piece):
    """Until when no rollout goes on, and why; once said, it is not changed."""

    model_config = ConfigDict(json_schema_extra=SAID_ONCE)

    until: AwareDatetime
    """When it ends by itself."""
    reason: Reason
    """Why."""
    user: User = Field(default="", description=_USER)
    signature: str = Field(default="", max_length=128, description=_SIGNATURE)


class Freeze(Piece):
    """No run starts and no traffic rises: of the Canaries of its namespace or, in the controller's own, of all."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["progressive.delivery/v1beta1"] = "progressive.delivery/v1beta1"
    kind: Literal["Freeze"] = "Freeze"
    metadata: Metadata
    spec: FreezeSpec


class ApprovalStatus(Piece):
    """What became of it."""

    state: Literal["Accepted", "Stale"] | None = None
    """Accepted, or Stale: it is about something that waits no more, or never did."""
    message: str = ""
    """What it did, or why it did nothing."""
    answered: AwareDatetime | None = None
    """When the controller answered it."""
