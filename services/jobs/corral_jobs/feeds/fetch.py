"""One request for a feed: what came back, as a value."""

from corral.errors import OutgoingFailed, OutgoingRefused
from corral.feeds.source import FeedSource
from corral.outgoing.client import OutgoingClient
from corral.outgoing.limits import RequestLimits
from corral.outgoing.response import Response
from corral_jobs.feeds.answer import FetchAnswer

ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
LIMITS = RequestLimits()
"""10 MiB, a minute, five redirects."""


async def fetch(client: OutgoingClient, source: FeedSource, *, limits: RequestLimits = LIMITS) -> FetchAnswer:
    """Ask for the feed, unless it is as we know it. Raises nothing: that there is no answer is an answer, too."""
    try:
        async with client.stream("GET", source.url, headers=_headers(source), limits=limits) as response:
            return await _answer(response)
    except OutgoingRefused as error:
        return FetchAnswer(error=str(error), refused=True)
    except OutgoingFailed as error:
        return FetchAnswer(error=str(error))


def _headers(source: FeedSource) -> dict[str, str]:
    headers = {"Accept": ACCEPT}
    if source.etag is not None:
        headers["If-None-Match"] = source.etag
    if source.last_modified is not None:
        headers["If-Modified-Since"] = source.last_modified
    return headers


async def _answer(response: Response) -> FetchAnswer:
    headers = response.headers
    return FetchAnswer(
        status=response.status,
        address=response.url,
        permanent_url=response.permanent_url,
        etag=headers.get("ETag"),
        last_modified=headers.get("Last-Modified"),
        content_type=headers.get("Content-Type", ""),
        cache_control=headers.get("Cache-Control", ""),
        retry_after=headers.get("Retry-After", ""),
        body=await response.read() if response.status == 200 else b"",
    )
