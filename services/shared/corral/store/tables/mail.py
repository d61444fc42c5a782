"""Mails that the mail sink caught."""

from sqlalchemy import LargeBinary, MetaData, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from corral.store.tables.column import holds, moment, needed, serves


def mail(tables: MetaData) -> None:
    """Define the table of caught mails."""
    Table(
        "sink_mails",
        tables,
        needed("id", Uuid, doc="UUID version 7."),
        moment("received_at", doc="When it came."),
        needed("sender", Text, doc="The envelope's sender."),
        needed("recipients", ARRAY(Text), doc="The envelope's recipients, blind copies too."),
        needed("source", LargeBinary, doc="The mail as it came."),
        PrimaryKeyConstraint("id", name="sink_mails_pkey", info=serves("A mail by its id; pages of them.")),
        info=holds("Mails that the mail sink caught, in development and tests: the newest 500."),
    )
