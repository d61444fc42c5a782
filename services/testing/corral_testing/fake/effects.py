"""The fake's `effects`: what must not be done twice."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from corral.errors import Conflict, NotFound
from corral.ids import new_id
from corral.job.effect import Effect, EffectBegin
from corral.job.state import State
from corral.json_codec import Document
from corral.store import AuditEntry
from corral.store.attempts.effects import refuse_running
from corral.store.postgres.json_text import checked
from corral_testing.fake.memory import Memory


@dataclass(slots=True)
class EffectRow:
    """One effect of a job."""

    name: str
    attempt: int
    token: UUID
    began_at: datetime
    ended_at: datetime | None = None
    receipt: str | None = None
    settled_by: str | None = None


class FakeEffects:
    """See corral.store.attempts.effects."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._rows: dict[tuple[UUID, str], EffectRow] = {}

    async def begin(
        self, job: UUID, attempt: int, name: str, token: UUID, *, repeat: bool
    ) -> EffectBegin | None:
        """Say that the attempt is about to do it."""
        if not self._holds(job, attempt):
            return None
        row = self._rows.get((job, name))
        if row is not None and row.ended_at is not None:
            return EffectBegin(None, row.receipt)
        if row is not None and row.token != token and not repeat:
            return EffectBegin(None, perhaps_done_by=row.attempt)
        self._rows[job, name] = EffectRow(name, attempt, token, self._memory.clock.now())
        return EffectBegin(token)

    async def end(self, job: UUID, attempt: int, name: str, token: UUID, receipt: str | None) -> bool:
        """Say that it is done."""
        text = None if receipt is None else checked(receipt, "/receipt")
        row = self._rows.get((job, name))
        if row is None or row.token != token or not self._holds(job, attempt):
            return False
        row.ended_at, row.receipt = row.ended_at or self._memory.clock.now(), text
        return True

    async def withdraw(self, job: UUID, attempt: int, name: str, token: UUID) -> None:
        """Take the begin back."""
        row = self._rows.get((job, name))
        if row and row.token == token and row.ended_at is None and self._holds(job, attempt):
            del self._rows[job, name]

    async def of(self, job: UUID) -> list[Effect]:
        """The effects of a job."""
        rows = [row for (of, _), row in self._rows.items() if of == job]
        return [
            Effect(
                row.name,
                row.attempt,
                row.began_at,
                row.ended_at,
                None if row.receipt is None else Document(row.receipt),
                row.settled_by,
            )
            for row in sorted(rows, key=lambda row: (row.began_at, row.name))
        ]

    async def settle(
        self, job: UUID, name: str, actor: str, *, done: bool, receipt: str | None = None
    ) -> None:
        """Say what became of it."""
        text = None if receipt is None else checked(receipt, "/receipt")
        found = self._memory.jobs.get(job)
        if found is None:
            raise NotFound("job", job)
        refuse_running(job, found.state)
        row = self._rows.get((job, name))
        if row is None:
            raise NotFound(f"effect of job {job} with the name", name)
        if row.ended_at is not None:
            raise Conflict(f"the effect {name!r} of job {job} is done already")
        if done:
            row.ended_at, row.receipt, row.settled_by = self._memory.clock.now(), text, actor
        else:
            del self._rows[job, name]
        action = "effect-done" if done else "effect-again"
        now = self._memory.clock.now()
        self._memory.audit.append(AuditEntry(new_id(), now, actor, action, "job", str(job), {"effect": name}))

    def _holds(self, job: UUID, attempt: int) -> bool:
        row = self._memory.jobs.get(job)
        return row is not None and row.state is State.RUNNING and row.attempt == attempt
