"""Feeds: RSS, Atom and JSON Feed, fetched, read, and stored item by item.

from corral_jobs.feeds import FetchRequest, fetch_feed

Importing this package needs no parser: `handlers` fetches and reads, in workers.
"""

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

__all__ = [
    "FetchRequest",
    "FetchResult",
    "ItemContent",
    "ItemFile",
    "ItemRequest",
    "ItemResult",
    "fetch_feed",
    "store_item",
]
