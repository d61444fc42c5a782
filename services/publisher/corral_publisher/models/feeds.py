"""Models of feeds and imports in the API: what is sent, and what is answered."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from corral.actions.feed_imports import MAX_URLS
from corral.bounded import Bounded
from corral.feeds.feed_import import FeedImport
from corral.feeds.item import StoredFeedItem
from corral.feeds.source import INTERVAL, FeedSource, FetchOutcome, SourceState
from corral.job.state import State

Health = Literal["new", "good", "failing", "paused", "gone"]


class ImportRequest(BaseModel):
    """Which feeds to import; nothing of it: every feed that is active."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"url": "https://example.com/feed.xml"}]}
    )

    url: Annotated[str | None, Field(description="The address of a feed.")] = None
    urls: Annotated[
        list[str] | None, Field(min_length=1, max_length=MAX_URLS, description="Or of several.")
    ] = None
    opml: Annotated[str | None, Field(description="Or a list of feeds, as text of OPML.")] = None


class NewFeeds(BaseModel):
    """Which feeds to follow."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"url": "https://example.com/feed.xml", "interval": 600}]},
    )

    url: Annotated[str | None, Field(description="The address of a feed.")] = None
    urls: Annotated[
        list[str] | None, Field(min_length=1, max_length=MAX_URLS, description="Or of several.")
    ] = None
    opml: Annotated[str | None, Field(description="Or a list of feeds, as text of OPML.")] = None
    interval: Annotated[
        Annotated[float, Bounded(INTERVAL)] | None,
        Field(description="Seconds between two fetches; an hour if absent. A server may ask for more."),
    ] = None


class FeedPatch(BaseModel):
    """What may be set of a source."""

    model_config = ConfigDict(extra="forbid", strict=True)

    interval: Annotated[float, Bounded(INTERVAL), Field(description="Seconds between two fetches.")]


class ImportView(BaseModel):
    """An import with its counts of items."""

    id: UUID
    status: Literal["running", "finished"]
    sources: Annotated[int, Field(description="How many feeds it fetches.")]
    pending_sources: Annotated[int, Field(description="Feeds that are not fetched yet.")]
    pending_items: Annotated[int, Field(description="Items that wait for their job.")]
    new: int
    updated: int
    unchanged: int
    skipped: Annotated[int, Field(description="Entries without anything to tell them apart, or repeated.")]
    failed: int
    started_at: datetime
    finished_at: datetime | None
    created_by: str | None


class ImportedSourceView(BaseModel):
    """What came of one feed of an import."""

    source: UUID
    url: str
    job: UUID | None
    outcome: FetchOutcome | None
    error: str | None


class ImportDetail(ImportView):
    """An import with what came of each of its feeds."""

    feeds: list[ImportedSourceView]


class ImportPage(BaseModel):
    """Imports, newest first."""

    items: list[ImportView]
    next: str | None


class FeedView(BaseModel):
    """A source with its health."""

    id: UUID
    url: str
    title: str
    site: str | None
    format: str | None
    state: SourceState
    health: Health
    paused_at: datetime | None
    paused_by: str | None
    interval: float
    next_fetch_at: datetime | None
    not_before: datetime | None
    item_count: int
    failures: int
    last_fetched_at: datetime | None
    last_success_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    created_by: str | None


class FeedPage(BaseModel):
    """Sources, newest first."""

    items: list[FeedView]
    next: str | None


class FeedHealthCounts(BaseModel):
    """Feeds per state; those that are active and fail are counted apart, and those that are due in theirs, too."""

    active: int
    failing: int
    paused: int
    gone: int
    due: Annotated[int, Field(description="Those whose time has come and that are not submitted yet.")]


class FeedCounts(BaseModel):
    """How many feeds, and how many of their jobs."""

    feeds: FeedHealthCounts
    jobs: Annotated[
        dict[str, dict[State, int]], Field(description="Jobs per state, of the queues feeds and feed-items.")
    ]


class FeedItemView(BaseModel):
    """An item as stored; `data` is all of it."""

    id: UUID
    source: UUID
    guid: str
    title: str
    link: str | None
    published_at: datetime | None
    created_at: datetime
    changed_at: datetime
    data: dict[str, Any]


class FeedItemPage(BaseModel):
    """Items, newest first."""

    items: list[FeedItemView]
    next: str | None


def health_of(source: FeedSource) -> Health:
    """In one word how a source does."""
    if source.state is not SourceState.ACTIVE:
        return "paused" if source.state is SourceState.PAUSED else "gone"
    if source.failures:
        return "failing"
    return "new" if source.last_success_at is None else "good"


def feed_view(source: FeedSource) -> dict[str, Any]:
    """A source as the API answers it: without the validators, which are nobody's business."""
    return {
        name: health_of(source) if name == "health" else getattr(source, name)
        for name in FeedView.model_fields
    }


def import_view(one: FeedImport) -> dict[str, Any]:
    """An import as the API answers it."""
    return {name: getattr(one, name) for name in ImportView.model_fields}


def item_view(item: StoredFeedItem) -> dict[str, Any]:
    """An item as the API answers it."""
    return {name: getattr(item, name) for name in FeedItemView.model_fields}
