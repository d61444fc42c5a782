"""Files that somebody sent, before a job used them."""

from sqlalchemy import Index, MetaData, PrimaryKeyConstraint, Table, Text, Uuid

from corral.store.tables.column import TIME, holds, moment, needed, serves


def uploads(tables: MetaData) -> None:
    """Define the table of uploads."""
    table = Table(
        "uploads",
        tables,
        needed("id", Uuid, doc="The artifact that has the file: one without a job."),
        needed("created_by", Text, doc="Who sent it."),
        moment("created_at", doc="When it began to arrive."),
        needed("expires_at", TIME, doc="From then on it is removed, unless a job names it."),
        PrimaryKeyConstraint("id", name="uploads_pkey", info=serves("An upload by its id.")),
        info=holds(
            "Files that were sent for jobs to use. A file is kept as long as a job is there that names it."
        ),
    )
    Index(
        "uploads_expiry", table.c.expires_at, info=serves("The sweep of uploads that are over, oldest first.")
    )
