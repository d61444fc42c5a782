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

from corral.store.tables.column import EMPTY_OBJECT, TIME, moment, needed


def people(tables: MetaData) -> None:
    """Keys, links, sessions, audit."""
    Table(
        "api_keys",
        tables,
        needed("id", Uuid),
        needed("name", Text),
        needed("role", Text),
        needed("hash", LargeBinary),
        moment("created_at"),
        Column("created_by", Text),
        Column("last_used_at", TIME),
        Column("revoked_at", TIME),
        PrimaryKeyConstraint("id", name="api_keys_pkey"),
        UniqueConstraint("hash", name="api_keys_hash"),
    )
    for name in ("sign_in_links", "sessions"):
        Table(
            name,
            tables,
            needed("hash", LargeBinary),
            needed("actor", Text),
            needed("role", Text),
            moment("created_at"),
            needed("expires_at", TIME),
            PrimaryKeyConstraint("hash", name=f"{name}_pkey"),
        )
    audit = Table(
        "audit",
        tables,
        needed("id", Uuid),
        moment("at"),
        needed("actor", Text),
        needed("action", Text),
        needed("kind", Text),
        needed("subject", Text),
        Column("details", JSONB, nullable=False, server_default=EMPTY_OBJECT),
        PrimaryKeyConstraint("id", name="audit_pkey"),
    )
    Index("audit_subject", audit.c.kind, audit.c.subject, audit.c.id)
