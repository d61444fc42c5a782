"""Schedules, and what became of their ticks."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from corral.store.tables.column import TIME, holds, moment, needed, serves


def schedules(tables: MetaData) -> None:
    """Define the tables of schedules."""
    table = Table(
        "schedules",
        tables,
        needed("name", Text, doc="The name of the schedule."),
        needed(
            "source", Text, doc="`code`: declared beside job types; `api`: made by a person or a program."
        ),
        Column("version", Text, doc="Of the declaration; an older one never replaces a newer one."),
        needed("declared", JSON, doc="Its fields as they were declared, or made."),
        needed("overrides", JSON, "'{}'::json", doc="Fields that an operator set over those."),
        needed("revision", BigInteger, "0", doc="Rises with every write; decisions compare it."),
        Column("paused_at", TIME, doc="Since when no tick is submitted; null: it is not paused."),
        Column("paused_by", Text, doc="Who paused it; `corral` where its jobs failed too often."),
        Column("pause_note", Text, doc="Why, in the words of whoever paused it."),
        Column("deleted_at", TIME, doc="When a declared schedule was deleted, which no deployment undoes."),
        Column("deleted_by", Text, doc="Who deleted it."),
        moment("last_tick", doc="All ticks up to here are decided."),
        Column("due_at", TIME, doc="When the next tick is; null: there is none."),
        Column("last_job", Uuid, doc="The job of the last tick that had one."),
        needed("waiting", Integer, "0", doc="Ticks that wait for the job before them."),
        needed("submitted", BigInteger, "0", doc="Ticks that had a job."),
        needed("missed", BigInteger, "0", doc="Ticks without a job because nobody looked in time."),
        Column("missed_at", TIME, doc="The last tick that was missed."),
        needed("skipped", BigInteger, "0", doc="Ticks without a job because an earlier job had not ended."),
        needed("refused", BigInteger, "0", doc="Ticks whose submission was refused."),
        Column("problem", Text, doc="Why the last tick could not be submitted; null: it could."),
        moment("counted_from", doc="Failed jobs of ticks before this pause it no more."),
        needed("created_by", Text, doc="Who made it, or registered it first."),
        moment("created_at", doc="When."),
        moment("updated_at", doc="When a person or a registration changed it last."),
        PrimaryKeyConstraint(
            "name", name="schedules_pkey", info=serves("A schedule by its name; lists, by name.")
        ),
        info=holds("Schedules: which job is submitted when."),
    )
    Index(
        "schedules_due",
        table.c.due_at,
        postgresql_where=text("due_at IS NOT NULL AND paused_at IS NULL AND deleted_at IS NULL"),
        info=serves("The leader's look every second: what is due, and when the next one is."),
    )
    Index(
        "schedules_waiting",
        table.c.name,
        postgresql_where=text("waiting > 0 AND paused_at IS NULL AND deleted_at IS NULL"),
        info=serves("Schedules with ticks that wait for a job to end."),
    )
    ticks = Table(
        "schedule_ticks",
        tables,
        needed("schedule", Text, doc="The name of the schedule."),
        needed("tick", TIME, doc="The instant that names the tick."),
        needed("verdict", Text, doc="submitted, waiting, skipped, missed or refused."),
        needed("origin", Text, doc="timetable, backfill or run-now."),
        Column("reason", Text, doc="Why it has no job, or waits."),
        Column("job", Uuid, doc="Its job."),
        moment("decided_at", doc="When that was decided."),
        PrimaryKeyConstraint(
            "schedule",
            "tick",
            name="schedule_ticks_pkey",
            info=serves("Whether a tick has its job already; the ticks of a schedule, newest first."),
        ),
        info=holds("What became of each tick. A tick has one row and one job, whoever decides it."),
    )
    Index(
        "schedule_ticks_waiting",
        ticks.c.schedule,
        ticks.c.tick,
        postgresql_where=text("verdict = 'waiting'"),
        info=serves("The ticks of a schedule that wait, oldest first."),
    )
    Index("schedule_ticks_age", ticks.c.tick, info=serves("The sweep of old ticks."))
