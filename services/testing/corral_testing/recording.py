"""What a handler said to a context without a worker, for a test to look at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from corral.context.feeds import FeedRecords
from corral.context.link import Statistics, SubmitOptions, UploadedFile
from corral.context.providers import ProviderCaller
from corral.context.webhooks import WebhookRecords
from corral.outgoing.client import OutgoingClient


@dataclass(slots=True)
class Recording:
    """What a handler said and stored."""

    cancelled: bool = False
    """Set it to tell the handler to stop, as a cancel does."""
    progress: list[tuple[int, str | None]] = field(default_factory=list)
    """Percent and message, in order."""
    log: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Text and fields of each line, in order."""
    checkpoints: list[Any] = field(default_factory=list)
    """The values given to `checkpoint`, in order."""
    submitted: list[tuple[str, Any, SubmitOptions]] = field(default_factory=list)
    """Type, payload and options of each job that the handler submitted; none of them runs."""
    follow_ups: list[tuple[str, str, Any, SubmitOptions]] = field(default_factory=list)
    """The outcome that each waits for (`on`), type, payload and options of what the handler announced with `then`."""
    effects: dict[str, Any] = field(default_factory=dict)
    """The receipts of what `once` has done, by name; a name that is given to the test is not done again."""
    withdrawn: list[str] = field(default_factory=list)
    """The names that `once` withdrew, as the handler raised `NotDone`."""
    budgets: list[tuple[str, float | None, str | None]] = field(default_factory=list)
    """Name, cost and key of each take with `budget`, in order; None: what the declaration says."""
    exhausted: set[str] = field(default_factory=set)
    """Rates of calls of which nothing comes in time: put a name in, and `budget` raises `BudgetExhausted`."""
    limits: list[tuple[str, str | None]] = field(default_factory=list)
    """Name and key of each slot that was taken with `limit`, in order."""
    full: set[str] = field(default_factory=set)
    """Limits without a free slot: put a name in, and `limit` raises `LimitTimeout`."""
    settled: list[tuple[str, float, str | None]] = field(default_factory=list)
    """Name, amount and key of each correction with `settle`, in order."""
    artifacts: dict[str, bytes] = field(default_factory=dict)
    """The files by name, also those that a worker would show only once the attempt succeeds."""
    published: set[str] = field(default_factory=set)
    """The names of the files that `get` finds: those given to the test, and those that the handler published."""
    others: dict[tuple[UUID, str], bytes] = field(default_factory=dict)
    """Files of other jobs, by job and name."""
    uploads: dict[UUID, UploadedFile] = field(default_factory=dict)
    """Uploads by id, for the handler to find."""
    statistics: Sequence[Statistics] = ()
    """What the handler reads with `ctx.statistics()`."""
    feeds: FeedRecords | None = None
    """What `ctx.feeds` is."""
    webhooks: WebhookRecords | None = None
    """What `ctx.webhooks` is."""
    outgoing: OutgoingClient | None = None
    """What `ctx.outgoing` is."""
    providers: ProviderCaller | None = None
    """What `ctx.providers` is."""
