"""Keys of unique jobs, and follow-ups that carry one."""

from sqlalchemy import Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSON

from corral.store.tables.column import TIME, holds, moment, needed, serves


def uniqueness(tables: MetaData) -> None:
    """Define the tables of unique jobs."""
    keys = Table(
        "unique_keys",
        tables,
        needed("key", Text, doc="The job type, a colon and the key: `feed.item:source#guid`."),
        needed("holder", Uuid, doc="The job that holds it."),
        Column("waiting", Uuid, doc="The newest job of it, which waits until the holder has ended."),
        needed("newest", Uuid, doc="The submission that changed it last."),
        moment("taken_at", doc="When the holder took it."),
        Column(
            "until",
            TIME,
            doc="From then on it is free; infinity: never. Null: it is free once its holder has ended.",
        ),
        Column("state", Text, doc="How the holder had ended when it was removed."),
        PrimaryKeyConstraint(
            "key", name="unique_keys_pkey", info=serves("Every submission, and every end, of a unique job.")
        ),
        info=holds("Keys of which there is one job at most."),
    )
    Index(
        "unique_keys_holder",
        keys.c.holder,
        info=serves("Retention leaves the state of a job that it removes here."),
    )
    Index(
        "unique_keys_waiting",
        keys.c.key,
        postgresql_where=keys.c.waiting.is_not(None),
        info=serves("The leader's look for jobs that wait for a holder that has ended."),
    )
    Index(
        "unique_keys_until",
        keys.c.until,
        postgresql_where=keys.c.until.is_not(None),
        info=serves("The sweep of keys whose time is over."),
    )
    Table(
        "keyed_follow_ups",
        tables,
        needed("id", Uuid, doc="The id that the follow-up has, once it is stored."),
        needed("job", Uuid, doc="The job whose attempt announced it."),
        needed("attempt", Integer, doc="That attempt."),
        needed("follows_on", Text, doc="The outcome that it waited for."),
        needed("submission", JSON, doc="The job to store."),
        moment("created_at", doc="When the outcome was stored."),
        PrimaryKeyConstraint(
            "id", name="keyed_follow_ups_pkey", info=serves("Each that is stored, oldest first.")
        ),
        info=holds("Follow-ups that carry a unique key, until they are stored or refused."),
    )
