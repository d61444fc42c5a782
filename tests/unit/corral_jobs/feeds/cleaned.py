"""All items of a feed, cleaned: a fetch cleans only those that the document says anew."""

from corral_jobs.feeds.feed import ParsedFeed, ParsedItem


def items_of(feed: ParsedFeed) -> tuple[ParsedItem, ...]:
    """Its items, in their order."""
    return tuple(entry.item() for entry in feed.entries)
