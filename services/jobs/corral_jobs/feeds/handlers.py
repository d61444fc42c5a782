"""The handlers of feeds: one fetches a source and submits its items, one stores an item."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from corral.context import Context
from corral.errors import Discard
from corral.feeds.item import ItemOutcome, NewFeedItem
from corral.feeds.source import FeedSource, FetchOutcome, SourceState, SourceUpdate
from corral.ids import parse_id
from corral_jobs.feeds.answer import FetchAnswer
from corral_jobs.feeds.decision import decide, digest_of, postponed
from corral_jobs.feeds.declaration import (
    FetchRequest,
    FetchResult,
    ItemContent,
    ItemFile,
    ItemRequest,
    ItemResult,
    fetch_feed,
    store_item,
)
from corral_jobs.feeds.feed import MAX_GUID, InvalidFeed, ParsedFeed, ParsedItem
from corral_jobs.feeds.identity import content_hash

SUBMITTED_AT_ONCE = 500
"""Items that are submitted together: they share a commit."""


@fetch_feed.handler
async def do_fetch(request: FetchRequest, ctx: Context) -> FetchResult:
    """Fetch the source, submit what is new or changed, and only then note that it was fetched."""
    now = datetime.now(UTC)
    source = await ctx.feeds.source(request.source)
    if source is None or source.state is not SourceState.ACTIVE:
        return await _skip(request, source, ctx)
    if (update := postponed(source, now)) is not None:
        await ctx.feeds.fetched(source.id, update, request.part_of, unchanged=0, skipped=0)
        return FetchResult(outcome="postponed", status=update.status, error=update.error)
    from corral_jobs.feeds.fetch import fetch  # noqa: PLC0415  a worker that fetches nothing starts sooner

    ctx.progress(0, "fetching")
    answer = await fetch(ctx.outgoing, source)
    reading = await _reading(source, answer)
    update = decide(source, answer, reading, now)
    submitted, unchanged, skipped = 0, 0, 0
    if update.outcome is FetchOutcome.NOT_MODIFIED:
        unchanged = source.item_count
    elif isinstance(reading, ParsedFeed) and update.outcome is FetchOutcome.FETCHED:
        submitted = await _submit(request, reading, now, ctx)
        unchanged, skipped = len(reading.items) - submitted, reading.skipped
    await ctx.feeds.fetched(source.id, update, request.part_of, unchanged=unchanged, skipped=skipped)
    if update.error is not None:
        ctx.log("not fetched", url=source.url, reason=update.error, failures=update.failures)
    return FetchResult(
        outcome=update.outcome.value,
        status=update.status,
        error=update.error,
        submitted=submitted,
        unchanged=unchanged,
        skipped=skipped,
    )


async def _skip(request: FetchRequest, source: FeedSource | None, ctx: Context) -> FetchResult:
    why = "there is no such source" if source is None else f"the source is {source.state}"
    update = None
    if source is not None:
        update = SourceUpdate(outcome=FetchOutcome.SKIPPED, state=source.state, error=why)
    await ctx.feeds.fetched(request.source, update, request.part_of, unchanged=0, skipped=0)
    return FetchResult(outcome="skipped", error=why)


async def _reading(source: FeedSource, answer: FetchAnswer) -> ParsedFeed | InvalidFeed | None:
    """What is in the body; None where it is the same as before, or there is none. Read in a thread: it takes its time."""
    if answer.status != 200 or answer.error is not None or digest_of(answer) == source.digest:
        return None
    from corral_jobs.feeds.parse import parse  # noqa: PLC0415  as above

    try:
        return await asyncio.to_thread(
            parse, answer.body, address=answer.address, content_type=answer.content_type
        )
    except InvalidFeed as error:
        return error


async def _submit(request: FetchRequest, feed: ParsedFeed, now: datetime, ctx: Context) -> int:
    """Submit a job for each item that is new or changed; how many."""
    contents = {item.guid: _content(item) for item in feed.items}
    known = await ctx.feeds.hashes(request.source, list(contents))
    fresh = [guid for guid, content in contents.items() if known.get(guid) != content_hash(_stored(content))]
    if not fresh:
        return 0
    now = await _seen_at(now, ctx)
    if request.part_of is not None:
        await ctx.feeds.expect(request.part_of, request.source, fresh)
    for done, guids in enumerate(_pieces(fresh)):
        ctx.progress(100 * done * SUBMITTED_AT_ONCE / len(fresh), "submitting items")
        jobs = await asyncio.gather(*(_submit_one(request, guid, contents[guid], now, ctx) for guid in guids))
        if request.part_of is not None:
            await ctx.feeds.note_jobs(request.part_of, request.source, dict(zip(guids, jobs, strict=True)))
    return len(fresh)


async def _seen_at(now: datetime, ctx: Context) -> datetime:
    """When the document was fetched; a repeated attempt says what the first one said, so that it submits nothing twice."""
    if isinstance(ctx.checkpointed, str):
        return datetime.fromisoformat(ctx.checkpointed)
    await ctx.checkpoint(now.isoformat())
    return now


def _pieces(guids: Sequence[str]) -> list[Sequence[str]]:
    return [guids[first : first + SUBMITTED_AT_ONCE] for first in range(0, len(guids), SUBMITTED_AT_ONCE)]


async def _submit_one(
    request: FetchRequest, guid: str, content: ItemContent, now: datetime, ctx: Context
) -> UUID:
    payload = ItemRequest(
        source=str(request.source), guid=guid, item=content, seen_at=now, part_of=request.part_of
    )
    made = payload.model_dump(mode="json")
    return await ctx.submit(store_item, made, idempotency_key=content_hash(made))


def _content(item: ParsedItem) -> ItemContent:
    return ItemContent(
        title=item.title,
        link=item.link,
        summary=item.summary,
        content=item.content,
        author=item.author,
        published=item.published,
        updated=item.updated,
        tags=list(item.tags),
        attachments=[
            ItemFile(url=one.url, media_type=one.media_type, size=one.size) for one in item.attachments
        ],
    )


def _stored(content: ItemContent) -> dict[str, Any]:
    """An item's content as it is stored, and hashed."""
    return content.model_dump(mode="json")


@store_item.handler
async def do_store(request: ItemRequest, ctx: Context) -> ItemResult:
    """Store the item."""
    item = _new_item(request)
    try:
        outcome = await _stored_as(item, ctx)
    except Exception as error:
        if ctx.retries_left == 0 or isinstance(error, Discard):
            await ctx.feeds.failed(item)
        raise
    return ItemResult(outcome=outcome.value)


async def _stored_as(item: NewFeedItem, ctx: Context) -> ItemOutcome:
    """Store the item; what became of it.

    Raises:
        Discard: its source was removed.
    """
    if await ctx.feeds.source(item.source) is None:
        raise Discard(f"Invalid job data: source: there is no feed {item.source}")
    [outcome] = await ctx.feeds.store([item])
    return outcome


def _new_item(request: ItemRequest) -> NewFeedItem:
    """The item of a request.

    Raises:
        Discard: source or guid is missing, or is none; another try would not find it either.
    """
    source, guid = parse_id(request.source or ""), (request.guid or "").strip()
    if not request.source:
        raise Discard("Invalid job data: source is missing")
    if source is None:
        raise Discard(f"Invalid job data: source: {request.source[:100]!r} is no id of a feed")
    if not guid:
        raise Discard("Invalid job data: guid is missing")
    if len(guid.encode()) > MAX_GUID:
        raise Discard(f"Invalid job data: guid has more than {MAX_GUID} bytes")
    data = _stored(request.item)
    return NewFeedItem(
        source=source,
        guid=guid,
        hash=content_hash(data),
        title=request.item.title,
        link=request.item.link,
        published_at=request.item.published or request.item.updated,
        data=data,
        seen_at=request.seen_at or datetime.now(UTC),
        part_of=request.part_of,
    )
