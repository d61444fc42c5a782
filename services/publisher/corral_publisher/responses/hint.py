"""The hint on a page of a list where the search stopped before the page was full."""

from corral.job.job import ListedJob
from corral.store import Page


def hint_of(page: Page[ListedJob]) -> str | None:
    """Says how far the search went and how to narrow the list; None where the page is complete."""
    if not page.looked:
        return None
    back = f", back to {page.looked_back_to:%Y-%m-%d %H:%M:%S} UTC" if page.looked_back_to else ""
    fits = {0: "none of them fits", 1: "one of them fits"}.get(
        len(page.items), f"{len(page.items):,} of them fit"
    )
    return (
        f"{page.looked:,} jobs were looked at{back}, and {fits}. Go on to older ones with the next page, or narrow the "
        "list: by time (created_after, created_before), type, queue or state."
    )
