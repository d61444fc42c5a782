"""Feeds and imports for the Python client: `Client(…).feeds`."""

from collections.abc import Iterator, Sequence

from corral.http_client.api_calls import ApiCalls, Json
from corral.http_client.api_request import path_of


class FeedClient:
    """Feeds of one publisher, their items and imports. Answers are JSON, as docs/reference/api.md has it.

    Every method raises, beside what it says:
        ApiProblem: the publisher refused it; `fields` names what is wrong.
        Unreachable: the publisher did not answer.
    """

    def __init__(self, api: ApiCalls) -> None:
        self._api = api

    def list(
        self,
        *,
        state: str | None = None,
        search: str | None = None,
        url: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Json]:
        """Feeds, newest first; `url` is the whole address of one, `search` part of an address or a title."""
        return self._api.pages("/feeds", state=state, search=search, url=url, limit=limit)

    def get(self, id: str) -> Json:  # noqa: A002  # the field's name
        """The feed with this id."""
        return self._api.get(path_of("feeds", id))

    def add(
        self, urls: Sequence[str] = (), *, opml: str | None = None, interval: float | None = None
    ) -> Json:
        """Follow feeds: they are fetched now, and again every `interval` seconds, or each hour. All of them are answered."""
        body = {"urls": list(urls) or None, "opml": opml, "interval": interval}
        return self._api.post("/feeds", {key: value for key, value in body.items() if value is not None})[
            "items"
        ]

    def set_interval(self, id: str, seconds: float) -> Json:  # noqa: A002  # as above
        """Set the seconds between two fetches."""
        return self._api.patch(path_of("feeds", id), {"interval": seconds})

    def pause(self, id: str) -> Json:  # noqa: A002  # as above
        """Fetch it no more until it is resumed."""
        return self._api.post(path_of("feeds", id, "pause"))

    def resume(self, id: str) -> Json:  # noqa: A002  # as above
        """Fetch it again."""
        return self._api.post(path_of("feeds", id, "resume"))

    def delete(self, id: str) -> None:  # noqa: A002  # as above
        """Remove it with its items."""
        self._api.delete(path_of("feeds", id))

    def items(self, id: str, *, search: str | None = None, limit: int | None = None) -> Iterator[Json]:  # noqa: A002  # as above
        """Its items, newest first; `search` is part of a title, guid, link or text."""
        return self._api.pages(path_of("feeds", id, "items"), search=search, limit=limit)

    def fetch(self, id: str) -> Json:  # noqa: A002  # as above
        """Import one feed now; the answer is the import."""
        return self._api.post(path_of("feeds", id, "import"))

    def start_import(self, urls: Sequence[str] = (), *, opml: str | None = None) -> Json:
        """Import the feeds at these addresses and of this list, or without any all that are active."""
        body = {"urls": list(urls) or None, "opml": opml}
        return self._api.post("/imports", {key: value for key, value in body.items() if value is not None})

    def imports(self, *, limit: int | None = None) -> Iterator[Json]:
        """The history of imports, newest first."""
        return self._api.pages("/imports", limit=limit)

    def one_import(self, id: str) -> Json:  # noqa: A002  # as above
        """One import with what came of each of its feeds."""
        return self._api.get(path_of("imports", id))

    def counts(self) -> Json:
        """How many feeds are in which state, and how many of their jobs."""
        return self._api.get("/feeds/counts")

    def clean(self, *, states: Sequence[str] = (), older_than: float = 0.0) -> Json:
        """Remove ended jobs of feeds and their items for good."""
        body: dict[str, Json] = {"older_than": older_than}
        return self._api.post("/feeds/clean", body | ({"states": list(states)} if states else {}))
