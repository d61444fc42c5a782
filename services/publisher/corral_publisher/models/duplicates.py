"""Models of the answers about duplicates of unique jobs, for OpenAPI."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from corral.job.state import State
from corral.job.unique import Deduplication


class DuplicateAnswer(BaseModel):
    """The job that holds the unique key of a submission, which made no new job.

    `expired` says that retention has removed that job: then only its id and its state are known.
    """

    id: UUID
    state: State
    deduplicated: Deduplication
    rule: str
    unique_key: str
    job: dict[str, Any]
    expired: bool = False
