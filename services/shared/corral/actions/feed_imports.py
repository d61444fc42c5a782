"""Importing feeds: the sources that are named are stored, an import is made of them, and a job fetches each."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.actions.access.principal import Principal
from corral.actions.existing import existing
from corral.actions.submissions.bulk import SubmissionRefused
from corral.actions.submissions.job_request import NewSubmission
from corral.actions.submissions.submit import Submitter
from corral.errors import Conflict, FieldError, InvalidInput, OutgoingRefused
from corral.feeds.feed_import import FeedImport
from corral.feeds.opml import read_opml
from corral.feeds.source import FeedSource, host_of
from corral.ids import new_id
from corral.store import Store

FETCH = "feed.fetch"
QUEUES = ("feeds", "feed-items")
"""Where the jobs of feeds and of their items wait."""
MAX_URLS = 10_000
MAX_URL = 2_000
"""Characters of an address."""


@dataclass(frozen=True, slots=True)
class FeedChoice:
    """Which feeds to import: those at addresses, those of a list, or, where nothing is named, every source that is active."""

    urls: Sequence[str] = ()
    pointers: Sequence[str] = ()
    """Where each address is in the request."""
    opml: str | None = None


class FeedImports:
    """Starts imports."""

    def __init__(self, store: Store, submitter: Submitter) -> None:
        self._store = store
        self._submitter = submitter

    async def start(self, choice: FeedChoice, caller: Principal) -> FeedImport:
        """Store sources and import, and submit a job for each source.

        Raises:
            InvalidInput: an address is none, or there is nothing to import; nothing was stored.
            Conflict: no source is stored, and none was named.
            Unavailable: Postgres is away.
        """
        return await self._begin(await self._sources(_named(choice), caller.name), caller)

    async def _begin(self, sources: Sequence[FeedSource], caller: Principal) -> FeedImport:
        id = new_id()  # noqa: A001  # the domain's word
        await self._store.imports.start(id, sources, caller.name)
        submissions = [fetch_of(source.id, source.url, caller.name, part_of=id) for source in sources]
        accepted = await self._submitter.submit_many(submissions)
        jobs = {
            source.id: one.id
            for source, one in zip(sources, accepted, strict=True)
            if not isinstance(one, SubmissionRefused)
        }
        await self._store.imports.note_jobs(id, jobs)
        return await self.get(id)

    async def follow(
        self, choice: FeedChoice, caller: Principal, *, interval: float | None = None
    ) -> list[FeedSource]:
        """Store sources that are due at once; those that are known keep their times, and get the interval if one is given.

        Raises:
            InvalidInput: an address is none, or none is given; nothing was stored.
            Unavailable: Postgres is away.
        """
        if not (named := _named(choice)):
            raise InvalidInput(FieldError("", "names no feed; give url, urls or opml"))
        if interval is None:
            return await self._store.feeds.add(named, caller.name, due_in=0)
        added = await self._store.feeds.add(named, caller.name, interval=interval, due_in=0)
        return [
            one
            if one.interval == interval
            else await self._store.feeds.set_interval(one.id, interval, caller.name)
            for one in added
        ]

    async def fetch(self, id: UUID, caller: Principal) -> FeedImport:  # noqa: A002  # the domain's word
        """Import one source.

        Raises:
            NotFound: there is none with this id.
            Unavailable: Postgres is away.
        """
        return await self._begin([await self.source(id)], caller)

    async def find(self, url: str) -> FeedSource | None:
        """The source with this address, whichever way it is written."""
        from corral.outgoing.url import parse  # noqa: PLC0415  as below

        try:
            whole = parse(url.strip()).url
        except OutgoingRefused:
            return None
        return await self._store.feeds.find(whole)

    async def get(self, id: UUID) -> FeedImport:  # noqa: A002  # the domain's word
        """The import as it is now.

        Raises:
            NotFound: there is none with this id.
        """
        return existing(await self._store.imports.get(id), "import", id)

    async def source(self, id: UUID) -> FeedSource:  # noqa: A002  # the domain's word
        """The source with this id.

        Raises:
            NotFound: there is none.
        """
        return existing(await self._store.feeds.get(id), "feed", id)

    async def _sources(self, named: Sequence[tuple[str, str]], actor: str) -> list[FeedSource]:
        if named:
            return await self._store.feeds.add(named, actor)
        active = await self._store.feeds.active()
        if not active:
            raise Conflict("there is no active feed to import; name one with url, urls or opml")
        if len(active) > MAX_URLS:
            raise Conflict(
                f"more than {MAX_URLS:,} feeds are active, which is too many for one import; name some of them with urls."
                " Each is fetched by itself when it is due"
            )
        return active


def _named(choice: FeedChoice) -> list[tuple[str, str]]:
    """The addresses, as they are sent, with titles.

    Raises:
        InvalidInput: names each that is none.
    """
    from corral.outgoing.url import parse  # noqa: PLC0415  its HTTP library is loaded where somebody imports

    listed = read_opml(choice.opml) if choice.opml is not None else []
    given = [*zip(choice.urls, choice.pointers, strict=True), *((url, "/opml") for url, _ in listed)]
    titles = ["" for _ in choice.urls] + [title for _, title in listed]
    errors: list[FieldError] = []
    named: list[tuple[str, str]] = []
    for (url, pointer), title in zip(given, titles, strict=True):
        try:
            whole = parse(url.strip()).url
        except OutgoingRefused as error:
            errors.append(FieldError(pointer, f"{url[:200]!r}: {error.why}"))
            continue
        if len(whole) > MAX_URL:
            errors.append(FieldError(pointer, f"has more than {MAX_URL:,} characters"))
        named.append((whole, title[:1_000]))
    if errors:
        raise InvalidInput(*errors[:20])
    if len({url for url, _ in named}) > MAX_URLS:
        raise InvalidInput(FieldError("", f"names more than {MAX_URLS:,} feeds, which is too many at once"))
    return named


def fetch_of(source: UUID, url: str, actor: str, *, part_of: UUID | None = None) -> NewSubmission:
    """The job that fetches a source, for an import or because it is due."""
    payload = {"source": str(source), "host": host_of(url)}
    if part_of is not None:
        payload["part_of"] = str(part_of)
    return NewSubmission(type=FETCH, payload=payload, created_by=actor)
