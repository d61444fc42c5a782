"""Schedules as rows: declared by code or made by people, changed, paused and deleted by operators."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from corral.catalog.record import supersedes
from corral.errors import Conflict, NotFound
from corral.store.access.audit import record
from corral.store.jobs.shaping import moment
from corral.store.postgres.connections import Row
from corral.store.postgres.database import SHORT, Database, Transaction
from corral.store.postgres.json_text import checked, encode
from corral.store.schedules.rows import COLUMNS, Schedule, ScheduleChange, ScheduleRecord, schedule_from

ONE = f"SELECT {COLUMNS} FROM corral.schedules WHERE name = %(name)s AND deleted_at IS NULL"
LOCKED = f"{ONE} FOR NO KEY UPDATE"
PAGE = f"""
SELECT {COLUMNS} FROM corral.schedules WHERE name > %(after)s AND deleted_at IS NULL ORDER BY name LIMIT %(limit)s
"""
# Through schedules_due.
SOONEST = f"""
SELECT {COLUMNS} FROM corral.schedules
WHERE due_at IS NOT NULL AND paused_at IS NULL AND deleted_at IS NULL ORDER BY due_at LIMIT %(limit)s
"""
NOW = "SELECT now()"
FREE = "DELETE FROM corral.schedules WHERE name = %(name)s AND deleted_at IS NOT NULL"
FORGET_TICKS = "DELETE FROM corral.schedule_ticks WHERE schedule = %(name)s"
CREATE = f"""
INSERT INTO corral.schedules (name, source, version, declared, due_at, created_by)
VALUES (%(name)s, %(source)s, %(version)s, %(declared)s::json, %(due_at)s, %(actor)s)
ON CONFLICT (name) DO NOTHING RETURNING {COLUMNS}
"""
CHANGE = f"""
UPDATE corral.schedules
SET overrides = %(overrides)s::json, due_at = %(due_at)s, revision = revision + 1, problem = NULL, updated_at = now(),
    last_tick = CASE WHEN %(retimed)s THEN greatest(last_tick, now()) ELSE last_tick END,
    missed = missed + %(missed)s, missed_at = CASE WHEN %(missed)s > 0 THEN now() ELSE missed_at END
WHERE name = %(name)s AND revision = %(revision)s AND deleted_at IS NULL RETURNING {COLUMNS}
"""
DECLARE = """
UPDATE corral.schedules
SET declared = %(declared)s::json, version = %(version)s, due_at = %(due_at)s, revision = revision + 1,
    problem = NULL, updated_at = now(),
    last_tick = CASE WHEN %(retimed)s THEN greatest(last_tick, now()) ELSE last_tick END,
    missed = missed + %(missed)s, missed_at = CASE WHEN %(missed)s > 0 THEN now() ELSE missed_at END
WHERE name = %(name)s AND revision = %(revision)s
"""
# A second pause without a note leaves who paused it and why; one by Corral becomes that of the person.
PAUSE = f"""
UPDATE corral.schedules SET paused_at = coalesce(paused_at, now()),
    paused_by = CASE WHEN paused_at IS NULL OR paused_by = 'corral' OR %(note)s::text IS NOT NULL THEN %(actor)s
                ELSE paused_by END,
    pause_note = CASE WHEN paused_at IS NULL THEN %(note)s ELSE coalesce(%(note)s, pause_note) END,
    revision = revision + 1, updated_at = now()
WHERE name = %(name)s AND deleted_at IS NULL RETURNING {COLUMNS}
"""
# What came while it was paused is not made up for, and what failed before counts no more.
RESUME = f"""
UPDATE corral.schedules SET paused_at = NULL, paused_by = NULL, pause_note = NULL, last_tick = now(),
    counted_from = now(), due_at = %(due_at)s, revision = revision + 1, updated_at = now()
WHERE name = %(name)s AND deleted_at IS NULL RETURNING {COLUMNS}
"""
BURY = """
UPDATE corral.schedules SET deleted_at = now(), deleted_by = %(actor)s, due_at = NULL, waiting = 0,
    revision = revision + 1
WHERE name = %(name)s AND deleted_at IS NULL AND source = 'code' RETURNING name
"""
REMOVE = "DELETE FROM corral.schedules WHERE name = %(name)s AND deleted_at IS NULL RETURNING name"
DECLARED = """
SELECT name, source, version, deleted_by, revision FROM corral.schedules WHERE name = %(name)s FOR UPDATE
"""


class Schedules:
    """Stores and reads schedules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> Schedule:
        """The schedule of that name.

        Raises:
            NotFound: there is none.
            Unavailable: Postgres is away.
        """
        return _only(name, await self._database.run(ONE, {"name": name}))

    async def page(self, after: str = "", limit: int = 50) -> list[Schedule]:
        """Schedules by name, after that name.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(PAGE, {"after": after, "limit": limit})
        return [schedule_from(row) for row in rows]

    async def soonest(self, limit: int) -> list[Schedule]:
        """Schedules that have their next tick before all others, soonest first.

        Raises:
            Unavailable: Postgres is away.
        """
        return [schedule_from(row) for row in await self._database.run(SOONEST, {"limit": limit})]

    async def now(self) -> datetime:
        """The database's clock.

        Raises:
            Unavailable: Postgres is away.
        """
        return moment((await self._database.run(NOW))[0][0])

    async def create(
        self, name: str, fields: Mapping[str, Any], due_at: datetime | None, actor: str
    ) -> Schedule:
        """Store a new schedule; it takes the place of a declared one that was deleted.

        Raises:
            Conflict: there is one of that name.
            Unavailable: Postgres is away.
        """
        params = {"name": name, "source": "api", "version": None, "due_at": due_at, "actor": actor}
        async with self._database.transaction(SHORT) as transaction:
            await transaction.count(FREE, {"name": name})
            rows = await transaction.rows(CREATE, params | {"declared": _text(fields, "declared")})
            if not rows:
                raise Conflict(f"there is a schedule {name} already")
            await _audited(transaction, actor, "create", name, dict(_without_payload(fields)))
        return schedule_from(rows[0])

    async def change(self, name: str, change: ScheduleChange, actor: str) -> Schedule | None:
        """Store an operator's fields; None where the row was changed since it was read.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {
            "name": name,
            "revision": change.revision,
            "overrides": _text(change.overrides, "overrides"),
            "due_at": change.due_at,
            "retimed": change.retimed,
            "missed": change.missed,
        }
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(CHANGE, params)
            if not rows:
                return None
            await _audited(transaction, actor, "set", name, {"overrides": _without_payload(change.overrides)})
        return schedule_from(rows[0])

    async def pause(self, name: str, note: str | None, actor: str) -> Schedule:
        """Pause it: no tick has a job from now on. Raises NotFound."""
        params = {"name": name, "note": note, "actor": actor}
        return await self._act("pause", PAUSE, params, {"note": note} if note else {})

    async def resume(self, name: str, due_at: datetime | None, actor: str) -> Schedule:
        """Resume it; `due_at` is its next tick after now. Raises NotFound."""
        return await self._act("resume", RESUME, {"name": name, "due_at": due_at, "actor": actor}, {})

    async def delete(self, name: str, actor: str) -> None:
        """Delete it with what is known of its ticks; a declared one leaves a mark, so that no deployment brings it back.

        Raises:
            NotFound: there is none.
            Unavailable: Postgres is away.
        """
        params = {"name": name, "actor": actor}
        async with self._database.transaction(SHORT) as transaction:
            gone = await transaction.rows(BURY, params) or await transaction.rows(REMOVE, {"name": name})
            if not gone:
                raise NotFound("schedule", name)
            await transaction.count(FORGET_TICKS, {"name": name})
            await _audited(transaction, actor, "delete", name, {})

    async def declared(self, name: str) -> tuple[Schedule | None, str | None]:
        """The schedule of that name, and who deleted it where it was declared once and is deleted.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(ONE, {"name": name})
        if rows:
            return schedule_from(rows[0]), None
        marks = await self._database.run(DECLARED, {"name": name})
        return None, marks[0][3] if marks else None

    async def declare(
        self, new: ScheduleRecord, before: Schedule | None, *, retimed: bool, missed: int
    ) -> bool:
        """Store what code declares, unless a newer version or an operator's own schedule is there; whether it was stored.

        Overrides, pauses and what is known of ticks stay as they are. `before` is the row as it was read.

        Raises:
            Unavailable: Postgres is away.
        """
        params: dict[str, Any] = {
            "name": new.name,
            "version": new.version,
            "declared": _text(new.fields, "declared"),
            "due_at": new.due_at,
        }
        async with self._database.transaction(SHORT) as transaction:
            if before is None:
                made = params | {"source": "code", "actor": "corral types register"}
                return bool(await transaction.rows(CREATE, made))
            stale = before.version == new.version or not supersedes(new.version, before.version or "0")
            if before.source != "code" or stale:
                return False
            changed = {"revision": before.revision, "retimed": retimed, "missed": missed}
            return bool(await transaction.count(DECLARE, params | changed))

    async def _act(
        self, action: str, statement: str, params: Mapping[str, Any], details: Mapping[str, Any]
    ) -> Schedule:
        async with self._database.transaction(SHORT) as transaction:
            schedule = _only(params["name"], await transaction.rows(statement, params))
            await _audited(transaction, params["actor"], action, schedule.name, details)
        return schedule


async def locked(transaction: Transaction, name: str) -> Schedule:
    """The schedule, which nobody else changes until the transaction ends. Raises NotFound."""
    return _only(name, await transaction.rows(LOCKED, {"name": name}))


def _only(name: str, rows: Sequence[Row]) -> Schedule:
    if not rows:
        raise NotFound("schedule", name[:100])
    return schedule_from(rows[0])


def _text(fields: Mapping[str, Any], pointer: str) -> str:
    return checked(encode(dict(fields)), f"/{pointer}")


def _without_payload(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The audit names no payloads: they may be large, or secret."""
    return {field: value for field, value in fields.items() if field != "payload"}


async def _audited(
    transaction: Transaction, actor: str, action: str, name: str, details: Mapping[str, Any]
) -> None:
    await record(transaction, actor, action, kind="schedule", subjects=[name], details=details)
