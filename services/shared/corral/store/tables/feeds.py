"""Sources of feeds, their items, and imports."""

from sqlalchemy import Column, Double, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from corral.store.tables.column import TIME, holds, moment, needed, serves


def feeds(tables: MetaData) -> None:
    """Define the tables of feeds."""
    _sources(tables)
    _items(tables)
    _imports(tables)


def _sources(tables: MetaData) -> None:
    sources = Table(
        "feed_sources",
        tables,
        needed("id", Uuid, doc="UUID version 7."),
        needed("url", Text, doc="Where it is fetched from; permanent redirects change it."),
        needed("title", Text, "''", doc="As the feed names itself."),
        Column("site", Text, doc="The web site that the feed belongs to."),
        Column("format", Text, doc="rss, rdf, atom or json."),
        needed(
            "state", Text, "'active'", doc="active, paused, or gone: its server says that it exists no more."
        ),
        Column("paused_at", TIME, doc="Since when it is paused."),
        Column("paused_by", Text, doc="Who paused it."),
        needed(
            "interval_seconds",
            Double,
            doc="Seconds between two fetches, where nobody asks for a longer wait.",
        ),
        Column("next_fetch_at", TIME, doc="When it is due again; null: not before somebody asks."),
        Column("not_before", TIME, doc="Until when its server asked to be left alone."),
        Column(
            "etag",
            Text,
            doc="The header ETag of the document that was last read well; sent back to the server.",
        ),
        Column("last_modified", Text, doc="The header Last-Modified of that document."),
        Column("digest", Text, doc="SHA-256 of that document, without the time at which it was made."),
        needed("item_count", Integer, "0", doc="Items in that document."),
        needed("failures", Integer, "0", doc="Fetches that failed since the last good one."),
        Column("last_fetched_at", TIME, doc="When it was last asked for."),
        Column("last_success_at", TIME, doc="When that last went well."),
        Column("last_status", Integer, doc="The HTTP status of the last answer."),
        Column("last_error", Text, doc="Why the last fetch failed; null: it did not."),
        moment("created_at", doc="When it was added."),
        Column("created_by", Text, doc="Who added it."),
        Column("fetch_job", Uuid, doc="The job that fetches it, or that fetched it last."),
        Column(
            "document_at", TIME, doc="When the document was read of which its items are; null: none was yet."
        ),
        Column(
            "ttl_seconds",
            Double,
            doc="Seconds for which that document asks not to be fetched again; null: it does not say.",
        ),
        PrimaryKeyConstraint("id", name="feed_sources_pkey", info=serves("One source; lists, newest first.")),
        info=holds("Addresses from which feeds are fetched."),
    )
    Index(
        "feed_sources_url",
        sources.c.url,
        unique=True,
        info=serves("An address is one source, however often it is imported."),
    )
    Index(
        "feed_sources_due",
        sources.c.next_fetch_at,
        postgresql_where=text("state = 'active'"),
        info=serves("Sources that are due, for the leader."),
    )


def _items(tables: MetaData) -> None:
    items = Table(
        "feed_items",
        tables,
        needed("source", Uuid, doc="The source."),
        needed("guid", Text, doc="What identifies the item within its source."),
        needed("id", Uuid, doc="UUID version 7: newer items are greater."),
        needed("hash", Text, doc="SHA-256 of its content."),
        Column("fingerprint", Text, doc="SHA-256 of what its document said of it; null: not known."),
        needed("title", Text, "''", doc="Its title, plain."),
        Column("link", Text, doc="Its page."),
        Column("published_at", TIME, doc="When it was published, as the feed says."),
        needed("data", JSONB, doc="All of it; HTML in it is cleaned."),
        needed(
            "seen_at",
            TIME,
            doc="When the document was fetched that it is from; an older one changes nothing.",
        ),
        moment("created_at", doc="When it was stored first."),
        moment("changed_at", doc="When its content changed last."),
        moment("listed_at", doc="When a document listed it last, give or take a day."),
        PrimaryKeyConstraint(
            "source", "guid", name="feed_items_pkey", info=serves("The upsert; the hashes of known items.")
        ),
        info=holds("Items of feeds, each once."),
    )
    Index(
        "feed_items_listed",
        items.c.source,
        items.c.listed_at,
        info=serves("Items of a source that its document lists no more, for retention."),
    )
    Index(
        "feed_items_newest",
        items.c.source,
        items.c.id,
        unique=True,
        info=serves("The items of a source, newest first."),
    )


def _imports(tables: MetaData) -> None:
    Table(
        "imports",
        tables,
        needed("id", Uuid, doc="UUID version 7."),
        Column("created_by", Text, doc="Who started it."),
        moment("started_at", doc="When it was started."),
        Column("finished_at", TIME, doc="When its last source and its last item were done."),
        needed("sources", Integer, doc="How many sources are imported."),
        needed("pending_sources", Integer, doc="Sources that are not fetched yet."),
        needed("pending_items", Integer, "0", doc="Items that wait for their job."),
        needed("new_items", Integer, "0", doc="Items that were stored first by it."),
        needed("updated_items", Integer, "0", doc="Items whose content it changed."),
        needed("unchanged_items", Integer, "0", doc="Items that were known as they are."),
        needed(
            "skipped_items", Integer, "0", doc="Entries without anything to tell them apart, or repeated."
        ),
        needed("failed_items", Integer, "0", doc="Items whose job failed."),
        PrimaryKeyConstraint(
            "id", name="imports_pkey", info=serves("One import; the history, newest first.")
        ),
        info=holds("The history of imports, with counts."),
    )
    Table(
        "import_sources",
        tables,
        needed("import", Uuid, doc="The import."),
        needed("source", Uuid, doc="The source."),
        needed("url", Text, doc="Its address at that time."),
        Column("job", Uuid, doc="The job that fetches it."),
        Column("outcome", Text, doc="What came of it; null: it is not fetched yet."),
        Column("error", Text, doc="Why it failed."),
        PrimaryKeyConstraint(
            "import", "source", name="import_sources_pkey", info=serves("The sources of an import.")
        ),
        info=holds("The sources of each import."),
    )
    Table(
        "import_items",
        tables,
        needed("import", Uuid, doc="The import."),
        needed("source", Uuid, doc="The source."),
        needed("guid", Text, doc="The item."),
        Column("job", Uuid, doc="The job that stores it."),
        PrimaryKeyConstraint(
            "source",
            "guid",
            "import",
            name="import_items_pkey",
            info=serves("Every import that waits for an item, when it is stored; what an import waits for."),
        ),
        info=holds("Items that an import waits for; what became of the others is counted in it."),
    )
