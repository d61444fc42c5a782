"""Who may come in, and what they did."""

from sqlalchemy import (
    Column,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from corral.store.tables.column import EMPTY_OBJECT, TIME, holds, moment, needed, serves


def people(tables: MetaData) -> None:
    """Define the tables of keys, links, sessions and the audit."""
    Table(
        "api_keys",
        tables,
        needed("id", Uuid, doc="UUID version 7."),
        needed("name", Text, doc="What it is called."),
        needed("role", Text, doc="viewer, operator or admin."),
        needed("hash", LargeBinary, doc="SHA-256 of the key."),
        moment("created_at", doc="When it was made."),
        Column("created_by", Text, doc="By whom."),
        Column("last_used_at", TIME, doc="When it last came with a request, to the minute."),
        Column("revoked_at", TIME, doc="Since when it is refused; null: it is valid."),
        PrimaryKeyConstraint("id", name="api_keys_pkey", info=serves("A key by its id: list, revoke.")),
        UniqueConstraint("hash", name="api_keys_hash", info=serves("Every request that carries a key.")),
        info=holds("Keys of the API; the key itself is nowhere, only its hash."),
    )
    for name, purpose in (
        ("sign_in_links", "Links that sign a person in, once."),
        ("sessions", "People who are signed in."),
    ):
        Table(
            name,
            tables,
            needed("hash", LargeBinary, doc="SHA-256 of the secret that the link or the cookie carries."),
            needed("actor", Text, doc="Who is signed in."),
            needed("role", Text, doc="viewer, operator or admin."),
            moment("created_at", doc="When it was made."),
            needed("expires_at", TIME, doc="From then on it is refused."),
            PrimaryKeyConstraint("hash", name=f"{name}_pkey", info=serves("Every request that carries one.")),
            info=holds(purpose),
        )
    audit = Table(
        "audit",
        tables,
        needed("id", Uuid, doc="UUID version 7, in order of time."),
        moment("at", doc="When."),
        needed("actor", Text, doc="Who."),
        needed("action", Text, doc="The action, as a verb."),
        needed("kind", Text, doc="The kind of thing that it was done to."),
        needed("subject", Text, doc="Which one."),
        Column("details", JSONB, nullable=False, server_default=EMPTY_OBJECT, doc="Details, as JSON."),
        PrimaryKeyConstraint(
            "id", name="audit_pkey", info=serves("The audit, newest first; its removal, oldest first.")
        ),
        info=holds("What people and keys did."),
    )
    Index(
        "audit_subject",
        audit.c.kind,
        audit.c.subject,
        audit.c.id,
        info=serves("What was done to one thing, newest first."),
    )
