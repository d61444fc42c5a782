"""Services of others that jobs call, and what they answered."""

from sqlalchemy import ARRAY, Column, Double, Index, LargeBinary, MetaData, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from corral.store.tables.column import EMPTY_OBJECT, TIME, holds, moment, needed, serves


def providers(tables: MetaData) -> None:
    """Define the tables of providers."""
    Table(
        "providers",
        tables,
        needed("name", Text, doc="The name of the provider."),
        Column(
            "declared",
            JSONB,
            nullable=False,
            server_default=EMPTY_OBJECT,
            doc="Its values as code declared them: `url`, `headers`, `slots` and so on. Of a secret, where it is.",
        ),
        needed("version", Text, "''", doc="Of the registration; an older one never replaces a newer one."),
        Column(
            "overrides",
            JSONB,
            nullable=False,
            server_default=EMPTY_OBJECT,
            doc="Values that an operator set in place of those declared. No registration undoes them.",
        ),
        Column("set_by", Text, doc="Who set it last; null: what code says is in force."),
        Column("reason", Text, doc="Why, in the words of whoever set it."),
        moment("set_at", doc="When it was last set or declared."),
        Column("parked_until", TIME, doc="Until when nothing is sent: it said that it has too much to do."),
        needed(
            "arrivals",
            ARRAY(Double),
            "'{}'",
            doc="When the last requests arrived at the latest, in seconds since 1970: so many as `per_second` allows.",
        ),
        needed(
            "day_from",
            ARRAY(Double),
            "'{}'",
            doc="Where each half hour of the last day begins, in seconds since 1970.",
        ),
        needed("day_requests", ARRAY(Double), "'{}'", doc="How many requests were sent in each of them."),
        needed(
            "day_bytes",
            ARRAY(Double),
            "'{}'",
            doc="How many bytes were answered, or may still be, in each of them.",
        ),
        PrimaryKeyConstraint("name", name="providers_pkey", info=serves("A provider by its name; the list.")),
        info=holds("Services of others that jobs call."),
    )
    answers = Table(
        "provider_answers",
        tables,
        needed("digest", Text, doc="SHA-256 of provider and query."),
        needed("provider", Text, doc="Which one answered."),
        needed("body", LargeBinary, doc="What it answered, compressed by zlib."),
        moment("fetched_at", doc="When it answered."),
        PrimaryKeyConstraint(
            "digest",
            name="provider_answers_pkey",
            info=serves("The answer to a query that was asked before."),
        ),
        info=holds("Answers that identical queries share for a time."),
    )
    Index(
        "provider_answers_age",
        answers.c.fetched_at,
        info=serves("Answers that are too old to be shared, removed when one is stored."),
    )
