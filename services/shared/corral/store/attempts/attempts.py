"""Everything that is written about an attempt while it is the job's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from uuid import UUID

import structlog

from corral import metrics
from corral.job.outcome import Finished, Succeeded
from corral.job.state import State
from corral.storable import printable
from corral.store.artifacts.rows import publishing
from corral.store.attempts import endings, follow_ups, keyed_follow_ups, timeouts
from corral.store.attempts.logs import Logs
from corral.store.attempts.recorded import Recorded, Verdict, recorded_from
from corral.store.jobs.accepted import accepted_from
from corral.store.jobs.insert import EXISTING
from corral.store.limits.room import LOCK_KEYS
from corral.store.postgres.connections import Row
from corral.store.postgres.database import Params
from corral.store.postgres.json_text import checked
from corral.store.postgres.sql_params import array, texts
from corral.store.unique import unique_keys

log = structlog.get_logger(__name__)

MAX_PROGRESS_MESSAGE = 500
"""Characters."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt has come: percent, and a message."""

    id: UUID
    attempt: int
    percent: int
    message: str | None = None


PROGRESS = """
UPDATE corral.jobs j SET progress = i.percent, progress_message = coalesce(i.message, j.progress_message),
       updated_at = now()
FROM (
    SELECT h.id, i.percent, i.message
    FROM unnest(%(ids)s::uuid[], %(attempts)s::int4[], %(percents)s::int4[], %(messages)s::text[])
         AS i(id, attempt, percent, message)
    CROSS JOIN LATERAL (
        SELECT l.id, l.attempt, l.state FROM corral.jobs l WHERE l.id = i.id OFFSET 0 FOR NO KEY UPDATE
    ) h
    WHERE h.attempt = i.attempt AND h.state = 'running'
) i
WHERE j.id = i.id
RETURNING j.id
"""

CHECKPOINT = """
UPDATE corral.jobs j SET checkpoint = %(checkpoint)s::json, updated_at = now()
WHERE j.id = %(id)s AND j.attempt = %(attempt)s AND j.state = 'running'
RETURNING j.id
"""


class Attempts(Logs):
    """Fenced writes: each names id and attempt, and matches only a job that runs under it (protocol rule 15)."""

    async def finish(
        self,
        worker: UUID,
        finished: Sequence[Finished],
        *,
        artifacts: Mapping[UUID, Sequence[UUID]] | None = None,
        webhooks: bool = False,
        share: float = 1.0,
    ) -> list[Recorded]:
        """Write how attempts ended, all in one transaction; in the order given.

        May be repeated as it stands after any error. `artifacts` are those that the successful ones of
        these jobs wrote, by job: they become visible with the success and not without it (rule 18). Follow-ups
        are stored with the outcome that they wait for and not without it (rule 34). `webhooks` says that there are
        any: what they are told is stored with the outcome, too (rule 38). `share` is the part of the time since their claim
        for which successes had a slot, on average: the statistics count that.

        Raises:
            Unavailable: Postgres is away, and some or all may have been written: repeat it.
            InvalidInput: a result can't be stored; nothing was written.
        """
        ordered = [item for _, item in sorted({_key(item): item for item in finished}.items(), key=_BY_KEY)]
        if not ordered:
            return []
        steps, first, last = _steps(worker, ordered, artifacts or {}, webhooks=webhooks, share=share)
        results = await self._written(steps)
        ended = [row for rows in results[first:last] for row in rows]
        recorded = {
            (row[0].int, row[1]): recorded_from(row, Verdict.RECORDED)
            for row in ended
            if row[1]  # a follow-up has no attempt yet
        }
        if len(recorded) < len(ordered):
            recorded |= await self._reread([item for item in ordered if _key(item) not in recorded])
        answers = [recorded[_key(item)] for item in finished]
        if results[-1] and any(item.unique for item in ordered):
            answers[0] = answers[0]._replace(promoted=tuple(accepted_from(row) for row in results[-1]))
        if any(item.follow_ups for item in finished):
            return await self._with_follow_ups(finished, answers, ended)
        return answers

    async def progress(self, items: Sequence[Progress]) -> set[UUID]:
        """Write how far attempts have come; the ids whose attempt is still the job's own.

        Raises:
            Unavailable: Postgres is away.
        """
        newest = {item.id: item for item in sorted(items, key=attrgetter("id"))}
        params = {
            "ids": array(newest),
            "attempts": array(item.attempt for item in newest.values()),
            "percents": array(min(100, max(0, item.percent)) for item in newest.values()),
            "messages": texts(_message(item) for item in newest.values()),
        }
        written = {row[0] for row in await self._database.hot(PROGRESS, params)}
        for item in newest.values():
            if item.id not in written:
                _fenced("progress", item.id, item.attempt, None)
        return written

    async def time_out(self, worker: UUID, finished: Sequence[Finished]) -> set[UUID]:
        """Keep the errors of attempts that are past their timeout and still run; the ids that are still the job's own.

        Each outcome is the error of a timeout. The attempt goes on running, and ends as that error: when its worker
        says so, is lost, or stops. May be repeated.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.hot(timeouts.STRIKE, timeouts.strike(worker, finished))
        return {row[0] for row in rows}

    async def checkpoint(self, id: UUID, attempt: int, value: str) -> bool:
        """Keep JSON text for later attempts; whether the attempt was still the job's own.

        Raises:
            Unavailable: Postgres is away.
            InvalidInput: the text can't be stored.
        """
        params = {"id": id, "attempt": attempt, "checkpoint": checked(value, "/checkpoint")}
        if await self._database.hot(CHECKPOINT, params):
            return True
        _fenced("checkpoint", id, attempt, None)
        return False

    async def _written(self, steps: Sequence[tuple[str, Params]]) -> list[list[Row]]:
        """One statement is its own transaction and costs no more than it must."""
        if len(steps) == 1:
            statement, params = steps[0]
            return [await self._database.hot(statement, params, binary=statement in endings.WITHOUT_TIMES)]
        return await self._database.hot_together(*steps)

    async def _with_follow_ups(
        self, finished: Sequence[Finished], answers: Sequence[Recorded], ended: Sequence[Row]
    ) -> list[Recorded]:
        """The answers with the jobs that are stored with them; an earlier write may have stored them."""
        stored = {row[0]: follow_ups.accepted(row) for row in ended if follow_ups.is_follow_up(row)}
        earlier = [
            one.job.id
            for item, answer in zip(finished, answers, strict=True)
            if answer.verdict is Verdict.ALREADY
            for one in item.follow_ups
        ]
        if earlier:
            rows = await self._database.hot(EXISTING, {"ids": array(earlier)})
            stored = stored | {row[0]: accepted_from(row) for row in rows}
        return [
            answer._replace(
                follow_ups=tuple(stored[one.job.id] for one in item.follow_ups if one.job.id in stored)
            )
            for item, answer in zip(finished, answers, strict=True)
        ]

    async def _reread(self, missed: Sequence[Finished]) -> dict[tuple[int, int], Recorded]:
        """Tell repeats from writes of attempts that are no longer their job's own."""
        answers = {}
        for row in await self._database.hot(endings.REREAD, endings.reread(missed)):
            id, attempt, state, *_, current, outcome, kind = row
            if kind == State.COMPLETED:
                already = outcome == kind or (state == kind and current == attempt)
            else:
                # A newer job of its key waited, or it was snoozed too often.
                gave_up = outcome == State.FAILED and kind in (endings.SNOOZED, "errored")
                already = outcome in (kind, State.CANCELLED) or gave_up
            answers[id.int, attempt] = recorded_from(row, Verdict.ALREADY if already else Verdict.FENCED)
            if not already:
                _fenced("finish", id, attempt, current)
        return answers


def _statement(plain: str, *, webhooks: bool) -> str:
    return endings.WITH_WEBHOOKS[plain] if webhooks else plain


def _steps(
    worker: UUID,
    ordered: Sequence[Finished],
    artifacts: Mapping[UUID, Sequence[UUID]],
    *,
    webhooks: bool,
    share: float,
) -> tuple[list[tuple[str, Params]], int, int]:
    """The statements that write these endings, and which of them answer what they ended: from the one to before the other.

    Jobs are locked in their order, then keys of limits, then unique keys.
    """
    succeeded = [item for item in ordered if isinstance(item.outcome, Succeeded)]
    others = [item for item in ordered if not isinstance(item.outcome, Succeeded)]
    unique = [item for item in ordered if item.unique]
    limited = bool(unique) or any(item.limited for item in ordered)
    steps: list[tuple[str, Params]] = []
    if others and (succeeded or unique):
        steps.append((endings.LOCK, endings.lock(ordered)))
        if limited:
            steps.append((LOCK_KEYS, endings.lock(ordered)))
    if unique:
        steps.append((unique_keys.LOCK_OF, endings.lock(unique)))
    first = len(steps)
    if succeeded:
        statement = _statement(endings.SUCCEED_LIMITED if limited else endings.SUCCEED, webhooks=webhooks)
        steps.append(follow_ups.ending(statement, endings.succeed(worker, succeeded, share), succeeded))
    if others:
        statement = _statement(endings.END_LIMITED if limited else endings.END, webhooks=webhooks)
        steps.append(follow_ups.ending(statement, endings.end(worker, others), others))
    last = len(steps)
    if written := [id for item in succeeded for id in artifacts.get(item.id, ())]:
        steps.extend(publishing(written, State.COMPLETED))
    steps += keyed_follow_ups.keeping(ordered)
    if unique:
        steps.append((unique_keys.RELEASE, endings.lock(unique)))
    return steps, first, last


def _key(item: Finished) -> tuple[int, int]:
    """The fence as a key of dicts: id and attempt. The UUID's number is much cheaper to hash than the UUID."""
    return item.id.int, item.attempt


_BY_KEY = itemgetter(0)


def _message(item: Progress) -> str | None:
    return None if item.message is None else printable(item.message, MAX_PROGRESS_MESSAGE)


def _fenced(write: str, id: UUID, attempt: int, current: int | None) -> None:
    metrics.FENCED.labels(write).inc()
    log.warning("job.fenced", write=write, job=str(id), attempt=attempt, current=current)
