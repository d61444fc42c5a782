"""Limits: what was declared, what operators set over it, and what is in use."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from corral.store.tables.column import EMPTY_OBJECT, TIME, holds, moment, needed, serves


def limits(tables: MetaData) -> None:
    """Define the tables of limits."""
    Table(
        "limits",
        tables,
        needed("name", Text, doc="The name of the limit."),
        needed(
            "declared",
            JSONB,
            doc="Its values as code declared them: `total`, `each`, `rate`, `per` and so on.",
        ),
        needed("version", Text, doc="Of the registration; an older one never replaces a newer one."),
        moment("declared_at", doc="When this version came."),
        Column(
            "stale",
            Boolean,
            nullable=False,
            server_default=text("false"),
            doc="Whether it counts otherwise than before, and what waits was not evaluated again yet.",
        ),
        PrimaryKeyConstraint(
            "name", name="limits_pkey", info=serves("A limit by its name: every claim of a limited job.")
        ),
        info=holds("Limits as workers' images registered them."),
    )
    Table(
        "limit_overrides",
        tables,
        needed("limit_name", Text, doc="The name of the limit."),
        needed("key", Text, doc="The key that it is for; empty: the whole limit."),
        Column(
            "overrides",
            JSONB,
            nullable=False,
            server_default=EMPTY_OBJECT,
            doc="Values that an operator set in place of those declared.",
        ),
        Column(
            "paused_at", TIME, doc="Since when nothing that takes from it is claimed; null: it is not paused."
        ),
        needed("set_by", Text, doc="Who set its values last; who paused it, where none are set."),
        Column("reason", Text, doc="Why, in the words of whoever set it."),
        moment("set_at", doc="When it was last set."),
        Column("paused_by", Text, doc="Who paused it; null: the release before this one wrote `set_by`."),
        Column("paused_reason", Text, doc="Why, in the words of whoever paused it."),
        PrimaryKeyConstraint(
            "limit_name",
            "key",
            name="limit_overrides_pkey",
            info=serves("What is set for a limit and for one of its keys: every claim of a limited job."),
        ),
        info=holds("Values and pauses of limits that operators set. No registration undoes them."),
    )
    keys = Table(
        "limit_keys",
        tables,
        needed("name", Text, doc="As in `jobs.limits`: the limit for its total, or `limit=key`."),
        needed("limit_name", Text, doc="The name of the limit."),
        needed("key", Text, doc="The key; empty for the total."),
        needed("in_use", Double, "0", doc="The sum of the costs of what runs."),
        Column("parked_until", TIME, doc="Until when nothing of it starts: a provider asked to wait."),
        Column("parked_by", Uuid, doc="The job that was told to wait."),
        Column("parked_reason", Text, doc="What it was told, in words."),
        Column("probe", Uuid, doc="The job that goes first after a wait that a provider asked for."),
        Column(
            "holder",
            Uuid,
            doc="Of a limit that is held for life: the job that keeps the slot until it has ended.",
        ),
        Column("taken_at", ARRAY(TIME), doc="Of a rate: when something of the current window was taken."),
        Column("taken", ARRAY(Double), doc="Of a rate: how much was taken at each of these times."),
        Column(
            "tokens",
            Double,
            doc="Of a rate that is too large to keep each take: what was left at `refilled_at`.",
        ),
        Column("refilled_at", TIME, doc="When `tokens` was computed."),
        Column(
            "after_end",
            Double,
            doc="Of a rate that counts until the end of attempts: for how many seconds more it does.",
        ),
        Column(
            "reserved",
            Double,
            doc="Of a rate of calls, whose takes are in Redis: how much may have been taken beyond what is noted here.",
        ),
        PrimaryKeyConstraint(
            "name",
            name="limit_keys_pkey",
            info=serves("Claims lock the keys of what they take, in this order; ends of attempts give back."),
        ),
        info=holds(
            "What of each limit, and of each of its keys, is in use. The leader removes rows that are idle."
        ),
    )
    Index(
        "limit_keys_limit",
        keys.c.limit_name,
        keys.c.key,
        info=serves("Lists of the keys of one limit."),
    )
    leases = Table(
        "limit_leases",
        tables,
        needed("id", Uuid, doc="Of the slot that a handler or a program holds."),
        needed("names", ARRAY(Text), doc="What it holds one slot of: names in `limit_keys`, sorted."),
        Column("job", Uuid, doc="The job whose handler holds it; null: a program that is no handler."),
        Column("attempt", Integer, doc="Its attempt."),
        Column("program", Text, doc="What the program that holds it calls itself."),
        moment("taken_at", doc="Since when it is held."),
        needed("expires_at", TIME, doc="When it ends if it is not renewed before."),
        PrimaryKeyConstraint(
            "id", name="limit_leases_pkey", info=serves("A slot that is renewed or given back.")
        ),
        info=holds(
            "Slots of limits that handlers (`ctx.limit`) and programs (`client.limit_slot`) hold while they run."
        ),
    )
    Index(
        "limit_leases_expiry",
        leases.c.expires_at,
        info=serves("The leader ends those that were not renewed."),
    )
