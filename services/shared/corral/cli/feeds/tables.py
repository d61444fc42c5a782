"""Tables of feeds, items and imports on the command line."""

from typing import Any

from corral.cli.terminal.output import ago, print_table

COUNTS = ("new", "updated", "unchanged", "skipped", "failed")


def print_imports(found: list[Any]) -> None:
    """Imports with their counts of items."""
    rows = (
        (
            one["id"],
            one["status"],
            f"{one['sources'] - one['pending_sources']:,} of {one['sources']:,}",
            *(one[name] for name in COUNTS),
            ago(one["started_at"]),
        )
        for one in found
    )
    columns = ("import", "status", ">feeds", *(f">{name}" for name in COUNTS), "started")
    print_table(columns, rows, none="no imports")


def print_feeds(found: list[Any]) -> None:
    """Feeds with their health and their times."""
    rows = (
        (
            one["url"],
            one["title"],
            one["health"],
            one["item_count"],
            ago(one["last_success_at"]),
            ago(one["next_fetch_at"]),
            one["last_error"],
        )
        for one in found
    )
    columns = ("feed", "title", "health", ">items", "last good fetch", "next fetch", "last error")
    print_table(columns, rows, none="no feeds; corral feeds add URL follows one")


def print_items(found: list[Any]) -> None:
    """Items of a feed."""
    rows = (
        (one["title"] or one["guid"], one["link"], ago(one["published_at"]), ago(one["created_at"]))
        for one in found
    )
    print_table(("item", "link", "published", "stored"), rows, none="no items")
