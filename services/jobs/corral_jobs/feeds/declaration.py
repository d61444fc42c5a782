"""The declarations of `feed.fetch` and `feed.item`."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from corral.catalog.declaration import JobType, job_type
from corral.catalog.limits.limit import Limit, Rate
from corral.job.backoff import Exponential
from corral.job.batch import Batch
from corral.job.options import Retention
from corral.job.unique import Unique

QUEUE = "feeds"
FAILED_DAYS = 30
"""Days for which failed item jobs are kept, to be tried again."""

AT_ONCE = 2
"""Feeds that are fetched from one server at the same time."""
host_limit = Limit("feed-host", each=AT_ONCE, by="host")

Line = Annotated[str, Field(max_length=1_000)]
Address = Annotated[str, Field(max_length=2_000)]


class FetchRequest(BaseModel):
    """Which source to fetch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: UUID = Field(description="The id of the source (`GET /feeds`)")
    part_of: UUID | None = Field(default=None, description="The import that waits for it")
    host: Annotated[str, Field(max_length=300)] | None = Field(
        default=None, description="The server that is asked, for the limit `feed-host`"
    )


class FetchResult(BaseModel):
    """What came of a fetch, with the items of the document."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: Literal["fetched", "not-modified", "postponed", "skipped", "gone", "failed"]
    status: int | None = Field(default=None, description="The HTTP status")
    error: str | None = Field(default=None, description="Why it failed")
    submitted: int = Field(default=0, description="Items that are new or changed: each has a job")
    unchanged: int = Field(default=0, description="Items that are stored as they are")
    skipped: int = Field(default=0, description="Entries without anything to tell them apart, or repeated")


class ItemFile(BaseModel):
    """A file that belongs to an item, as a podcast's sound."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Address
    media_type: Line | None = None
    size: Annotated[int, Field(ge=0)] | None = None


class ItemContent(BaseModel):
    """What an item says: titles and names plain, summary and content cleaned HTML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Line = ""
    link: Address | None = None
    summary: Annotated[str, Field(max_length=400_000)] = ""
    content: Annotated[str, Field(max_length=400_000)] = ""
    author: Line | None = None
    published: datetime | None = None
    updated: datetime | None = None
    tags: Annotated[list[Line], Field(max_length=50)] = []
    attachments: Annotated[list[ItemFile], Field(max_length=20)] = []


class ItemRequest(BaseModel):
    """An item to store. Without source or guid its job fails, and says so: such an item can't be told from others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str | None = Field(default=None, description="The id of its source")
    guid: str | None = Field(default=None, description="What identifies it within its source")
    item: ItemContent = Field(default_factory=ItemContent, description="What it says")
    seen_at: datetime | None = Field(default=None, description="When its document was fetched; now if absent")
    fingerprint: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="SHA-256 of what its document says of it, by which it is known again"
    )
    part_of: UUID | None = Field(
        default=None,
        description="Not looked at: every import that waits for the item counts it",
        deprecated=True,
    )


class ItemResult(BaseModel):
    """What became of an item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: Literal["new", "updated", "unchanged"]


fetch_feed: JobType[FetchRequest, FetchResult] = job_type(
    "feed.fetch",
    payload=FetchRequest,
    result=FetchResult,
    queue=QUEUE,
    retries=3,
    backoff=Exponential(2),
    timeout=300,
    limits=[host_limit],
    search=["source"],
    description="Fetches a feed, if it changed, and submits a job for each item that is new or changed.",
)

at_once = Limit("feed-item-batches", total=10, unit="batch")
each_source = Rate("feed-items", 100, per=1, by="source", at="attempt")

store_item: JobType[ItemRequest, ItemResult] = job_type(
    "feed.item",
    payload=ItemRequest,
    result=ItemResult,
    queue="feed-items",
    batch=Batch(size=100, wait=3, by="source"),
    limits=[at_once, each_source],
    unique=Unique(by=["source", "guid"], within="live", on_duplicate="keep-latest"),
    retries=3,
    backoff=Exponential(1),
    timeout=30,
    keep_finished=Retention(seconds=0),
    keep_failed=Retention(seconds=FAILED_DAYS * 86_400),
    search=["source", "guid"],
    description="Stores items of feeds, up to 100 of one source at once: each once, however often it is submitted.",
)
