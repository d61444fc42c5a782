"""Models of the API about slots that programs hold."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from corral.actions.limits.program_slots import MAX_PROGRAM


class SlotRequest(BaseModel):
    """A slot of a limit that a program wants."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"key": "acme", "program": "import-prices.py on build-3"}]},
    )

    program: Annotated[
        str,
        Field(
            min_length=1, max_length=MAX_PROGRAM, description="Who holds it, for whoever looks at the limit."
        ),
    ]
    key: Annotated[
        str | None, Field(min_length=1, max_length=1000, description="Where the limit counts by keys.")
    ] = None
    id: Annotated[
        UUID | None,
        Field(
            description="Of the slot. Asked again with the same id, where no answer came, nothing more is taken."
        ),
    ] = None


class SlotView(BaseModel):
    """A slot that a program holds. It ends after `lease_seconds`, if it is not renewed before."""

    id: UUID
    limit: str
    key: str | None
    program: str
    lease_seconds: float


class SlotRenewed(BaseModel):
    """How long the slot is held from now on."""

    id: UUID
    lease_seconds: float
