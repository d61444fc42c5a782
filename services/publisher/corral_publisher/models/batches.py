"""What an operator sets of how the jobs of a type are handled together."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from corral.bounded import Bounded
from corral.job.batch import BYTES, MAX_BY, SIZE, WAIT


class BatchParts(BaseModel):
    """Parts of a batch; null takes one back. Those that are left out stay as they are."""

    model_config = ConfigDict(extra="forbid", strict=True)

    size: Annotated[int, Bounded(SIZE), Field(description="Jobs of one batch, at most.")] | None = None
    wait: (
        Annotated[float, Bounded(WAIT), Field(description="How long the oldest job waits for others.")] | None
    ) = None
    max_bytes: (
        Annotated[int, Bounded(BYTES), Field(description="What the payloads of one batch have, at most.")]
        | None
    ) = None
    by: (
        Annotated[
            str,
            Field(
                min_length=1, max_length=MAX_BY, description="Jobs of one batch have the same value there."
            ),
        ]
        | None
    ) = None
