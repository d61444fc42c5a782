"""The handlers of feeds: one fetches a source and submits its items, one stores an item."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from corral.context import BatchJob, Context
from corral.context.feeds import FeedRecords
from corral.errors import Discard, Unavailable
from corral.feeds.item import ItemOutcome, KnownItem, NewFeedItem
from corral.feeds.source import FeedSource, FetchOutcome, SourceState, SourceUpdate
from corral.ids import parse_id
from corral_jobs.feeds.answer import FetchAnswer
from corral_jobs.feeds.decision import decide, postponed
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
from corral_jobs.feeds.feed import MAX_GUID, FeedEntry, InvalidFeed, ParsedFeed, ParsedItem
from corral_jobs.feeds.identity import content_hash

SUBMITTED_FIRST = 100
"""Items that are cleaned and submitted first: as many as one batch stores, which starts while the others are cleaned."""
SUBMITTED_AT_ONCE = 1_000
"""Items that are submitted together then, in one transaction."""
_RESULTS = {
    ItemOutcome.NEW: ItemResult(outcome="new"),
    ItemOutcome.UPDATED: ItemResult(outcome="updated"),
    ItemOutcome.UNCHANGED: ItemResult(outcome="unchanged"),
}


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
        unchanged, skipped = len(reading.entries) - submitted, reading.skipped
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
    """What is in the body; None where it is the same as before, or there is none."""
    if answer.status != 200 or answer.error is not None:
        return None
    return await asyncio.to_thread(_read, source, answer)


def _read(source: FeedSource, answer: FetchAnswer) -> ParsedFeed | InvalidFeed | None:
    """What is in the body; None where it is the same as before. Takes its time: a thread's work."""
    if answer.digest == source.digest:
        return None
    from corral_jobs.feeds.parse import parse  # noqa: PLC0415  as above

    try:
        return parse(answer.body, address=answer.address, content_type=answer.content_type)
    except InvalidFeed as error:
        return error


async def _submit(request: FetchRequest, feed: ParsedFeed, now: datetime, ctx: Context) -> int:
    """Submit a job for each item that is new or changed; how many. Only those are cleaned that the document says anew."""
    known = await ctx.feeds.known(request.source, [entry.guid for entry in feed.entries])
    anew, unlisted = [], {}
    for entry in feed.entries:
        stored = known.get(entry.guid)
        if stored is None or stored.fingerprint != entry.fingerprint:
            anew.append(entry)
        elif not stored.listed:
            unlisted[entry.guid] = entry.fingerprint
    if unlisted:
        await ctx.feeds.note_listed(request.source, unlisted)
    submitted = done = 0
    while done < len(anew):
        ctx.progress(100 * done / len(anew), "submitting items")
        part = anew[done : done + (SUBMITTED_AT_ONCE if done else SUBMITTED_FIRST)]
        submitted += await _submit_part(request, part, known, now, ctx)
        done += len(part)
    return submitted


async def _submit_part(
    request: FetchRequest,
    entries: Sequence[FeedEntry],
    known: Mapping[str, KnownItem],
    now: datetime,
    ctx: Context,
) -> int:
    """Submit a job for each of these items whose content is new or changed; how many."""
    contents, hashes = await asyncio.to_thread(_contents, entries)
    prints = {entry.guid: entry.fingerprint for entry in entries}
    fresh = [guid for guid in contents if guid not in known or known[guid].hash != hashes[guid]]
    if same := prints.keys() - fresh:
        await ctx.feeds.note_listed(request.source, {guid: prints[guid] for guid in sorted(same)})
    if not fresh:
        return 0
    if request.part_of is not None:
        await ctx.feeds.expect(request.part_of, request.source, fresh)
    seen = {"source": str(request.source), "seen_at": now.isoformat()}
    payloads = [{**seen, "guid": guid, "fingerprint": prints[guid], "item": contents[guid]} for guid in fresh]
    jobs = await ctx.submit_many(store_item, payloads)
    if request.part_of is not None:
        await ctx.feeds.note_jobs(request.part_of, request.source, dict(zip(fresh, jobs, strict=True)))
    return len(fresh)


def _contents(entries: Iterable[FeedEntry]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The items as they are stored, and their hashes, by guid. Takes its time: a thread's work."""
    contents = {entry.guid: _stored(_content(entry.item())) for entry in entries}
    return contents, {guid: content_hash(content) for guid, content in contents.items()}


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
async def do_store(jobs: Sequence[BatchJob[ItemRequest]]) -> None:
    """Store the items, all of one source, in one transaction. One that lacks something, or can't be stored, fails alone."""
    feeds = jobs[0].context.feeds
    items = {job: item for job in jobs if (item := _item_or_failed(job)) is not None}
    await _store(items, feeds)


async def _store(items: Mapping[BatchJob[ItemRequest], NewFeedItem], feeds: FeedRecords) -> None:
    """Store items together; where that fails and Postgres is there, each by itself, so that only the culprit fails."""
    if not items:
        return
    try:
        outcomes = await feeds.store(list(items.values()))
    except Exception as error:  # noqa: BLE001  # each job has its own retries, whatever it is
        if len(items) > 1 and not isinstance(error, Unavailable):
            for job, item in items.items():
                await _store({job: item}, feeds)
            return
        if lost := [item for job, item in items.items() if job.context.retries_left == 0]:
            await feeds.failed(lost)
        for job in items:
            job.fail(error)
        return
    for (job, item), outcome in zip(items.items(), outcomes, strict=True):
        if outcome is ItemOutcome.FAILED:
            job.fail(Discard(f"Invalid job data: source: there is no feed {item.source}"))
        else:
            job.succeed(_RESULTS[outcome])


def _item_or_failed(job: BatchJob[ItemRequest]) -> NewFeedItem | None:
    try:
        return _new_item(job.payload)
    except Discard as error:
        job.fail(error)
        return None


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
        fingerprint=request.fingerprint,
        title=request.item.title,
        link=request.item.link,
        published_at=request.item.published or request.item.updated,
        data=data,
        seen_at=request.seen_at or datetime.now(UTC),
    )
