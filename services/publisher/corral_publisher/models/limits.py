"""Models of the API's responses about limits, for OpenAPI."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel


class HolderView(BaseModel):
    """A running job that holds a part of a limit, or a `program` that is no handler. `cost` is how much."""

    job: UUID | None
    type: str | None
    worker: str | None
    since: datetime | None
    cost: float
    program: str | None


class LimitView(BaseModel):
    """A limit. `values` are in force: what code declares (`declared`) with what operators set over it (`overrides`).

    `in_use` is what runs takes of it, `waiting` how many jobs wait that take of it. `set_by`, `reason` and `set_at`
    say who last set values, or who paused it where none are set; `paused_by` and `paused_reason` who paused it. `types` are the job types that name it, or whose queue does.
    `ignored_by` are live workers of earlier releases, by name, that run such types and know no limits: until they are
    gone, more may run than it allows.
    """

    name: str
    kind: Literal["limit", "rate"]
    values: dict[str, Any]
    declared: dict[str, Any]
    overrides: dict[str, Any]
    paused: bool
    paused_at: datetime | None
    set_by: str | None
    reason: str | None
    set_at: datetime | None
    paused_by: str | None
    paused_reason: str | None
    version: str
    declared_at: datetime
    in_use: float
    waiting: int
    types: list[str]
    ignored_by: list[str]


class LimitDetails(LimitView):
    """One limit, with the jobs that have held a part of its total for the longest.

    Where it has no keys, `parked_until` and what follows it are as in `LimitKeyView`. `left` is what could be taken now of
    a rate of calls; null where nothing was taken lately, and of other limits. `keys_set` keys have values of their own,
    `keys_paused` are paused: `/keys?only_set=true` lists them.
    """

    holders: list[HolderView]
    parked_until: datetime | None
    parked_by: UUID | None
    parked_reason: str | None
    probe: UUID | None
    left: float | None
    keys_set: int
    keys_paused: int


class LimitPage(BaseModel):
    """All limits."""

    items: list[LimitView]
    next: None = None


class LimitKeyView(BaseModel):
    """One key of a limit. `*` is the key of all jobs that have no value where the limit looks.

    `holders` are the ten jobs that have held a slot for the longest. `parked_until`: a provider asked job `parked_by` to
    wait until then, for `parked_reason`, and nothing of the key starts before. Afterwards one job goes first (`probe`),
    and its success lets the others start. `left` is what could be taken now of a rate of calls.
    """

    key: str
    in_use: float
    waiting: int
    overrides: dict[str, Any]
    paused: bool
    paused_at: datetime | None
    set_by: str | None
    reason: str | None
    set_at: datetime | None
    paused_by: str | None
    paused_reason: str | None
    parked_until: datetime | None
    parked_by: UUID | None
    parked_reason: str | None
    probe: UUID | None
    left: float | None
    holders: list[HolderView]


class LimitKeyPage(BaseModel):
    """Keys of a limit that something uses, waits for or was set for, in order. `next` is the cursor; null at the end."""

    items: list[LimitKeyView]
    next: str | None = None
