"""Log lines about jobs: accepted, started, ended.

A worker may start and end thousands of jobs a second. So the lines that stand for every job are filled into
templates, which are rendered once by the same renderers as every other line, and written in one piece per batch, those
that are alike but for the id together.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import structlog

from corral import logs
from corral.ids import spelled_bytes
from corral.job.job import Accepted, Claimed, NewJob
from corral.job.outcome import (
    Cancelled,
    Erred,
    Exhausted,
    JobError,
    Outcome,
    Parked,
    Released,
    Snoozed,
    Succeeded,
)
from corral.job.state import State

log = structlog.get_logger(__name__)

Jobs = Literal["all", "failed", "none"]
"""Of which jobs there are lines: all, those with an attempt that failed, or only those that failed for good."""
MAX_ERROR = 300
"""Characters of an error's message in a line; the job has the whole."""
_LISTED = 3
"""Ids that the line about a bulk names: the first ones."""


class JobLog:
    """Writes the lines. One per process; any thread may call it."""

    def __init__(self, jobs: Jobs, level: logs.Level, form: logs.Format) -> None:
        """What to log, and how the process logs everything else (`logs.configure`)."""
        self._every = jobs == "all" and level in {"debug", "info"}
        self._retried = jobs != "none"
        self._accepted = _template(form, "job.accepted", "job", "queue", "type")
        self._started = _template(form, "job.started", "attempt", "job", "queue", "type")
        self._completed = _template(form, "job.completed", "attempt", "job", "queue", "seconds", "type")

    def accepted(
        self, jobs: Sequence[NewJob], accepted: Sequence[Accepted], sizes: Sequence[int] | None = None
    ) -> None:
        """These jobs are stored: one line for each submission, of which `sizes` says how many jobs it had.

        Without `sizes` they are of one.
        """
        if not self._every or not jobs:
            return
        now, line = _now(), self._accepted
        single: list[str] = []
        start = 0
        for size in sizes or [len(jobs)]:
            end = start + size
            if size == 1:
                job = jobs[start]
                single.append(line % (now, job.id, accepted[start].queue, job.type))
            else:
                self._bulk(jobs[start:end], accepted[start:end])
            start = end
        _write("".join(single).encode())

    def _bulk(self, jobs: Sequence[NewJob], accepted: Sequence[Accepted]) -> None:
        log.info(
            "jobs.accepted",
            jobs=len(jobs),
            first=", ".join(str(job.id) for job in jobs[:_LISTED]),
            types=sorted({job.type for job in jobs}),
            queues=sorted({one.queue for one in accepted}),
        )

    def started(self, jobs: Sequence[Claimed]) -> None:
        """The handlers of these jobs start."""
        if not self._every:
            return
        alike: defaultdict[tuple[int, str, str], list[UUID]] = defaultdict(list)
        for job in jobs:
            alike[job.attempt, job.queue, job.type].append(job.id)
        now, line = _now(), self._started
        _write(
            b"".join(
                [
                    _for_each(ids, line % (now, attempt, _ID, queue, job_type))
                    for (attempt, queue, job_type), ids in alike.items()
                ]
            )
        )

    def ended(self, attempts: Iterable[tuple[Claimed, Outcome, State | None, float]]) -> None:
        """These attempts ended and are recorded.

        Each is the job as it was claimed, the outcome, the state that the job has now (a requested cancel turns
        errors and releases into `cancelled`), and the seconds that its handler ran.
        """
        every = self._every
        alike: defaultdict[tuple[int, str, int, str], list[UUID]] = defaultdict(list)
        for job, outcome, state, seconds in attempts:
            if not isinstance(outcome, Succeeded):
                cancelled = state is State.CANCELLED and not isinstance(outcome, Cancelled)
                said: Outcome = Cancelled("a cancel was requested") if cancelled else outcome
                if isinstance(outcome, Snoozed):
                    said = _snooze(outcome, state)
                self._unsuccessful(job, said, seconds)
            elif every:
                alike[job.attempt, job.queue, int(1000 * seconds + 0.5), job.type].append(job.id)
        if not alike:
            return
        now, line = _now(), self._completed
        _write(
            b"".join(
                [
                    _for_each(ids, line % (now, attempt, _ID, queue, milliseconds / 1000, job_type))
                    for (attempt, queue, milliseconds, job_type), ids in alike.items()
                ]
            )
        )

    def _unsuccessful(self, job: Claimed, outcome: Outcome, seconds: float) -> None:
        about = {"job": str(job.id), "type": job.type, "queue": job.queue, "attempt": job.attempt}
        match outcome:
            case Exhausted(error=error):
                # `of`: the last attempt that an error leaves; releases and stalls raise both numbers alike.
                log.error(
                    "job.failed", **about, of=job.attempt, error=_told(error), seconds=round(seconds, 3)
                )
            case Erred(error=error, retry_in=retry_in) if self._retried:
                of = job.attempt + job.retries - job.errors
                log.warning(
                    "job.failed", **about, of=of, error=_told(error), retry_in=round(retry_in, 3),
                    seconds=round(seconds, 3),
                )  # fmt: skip
            case Cancelled(reason=reason) if self._every:
                log.info("job.cancelled", **about, reason=reason, seconds=round(seconds, 3))
            case Released(reason=reason) if self._every:
                log.info("job.released", **about, reason=reason, seconds=round(seconds, 3))
            case Snoozed(wait=wait, error=error) if self._every:
                log.info(
                    "job.snoozed", **about, after=round(wait, 3), reason=error.message[:MAX_ERROR],
                    seconds=round(seconds, 3),
                )  # fmt: skip
            case Parked(wait=wait, name=name, reason=reason) if self._retried:
                log.warning(
                    "job.rate_limited", **about, limit=name, after=round(wait, 3), reason=reason[:MAX_ERROR],
                    seconds=round(seconds, 3),
                )  # fmt: skip
            case _:
                pass


def _snooze(outcome: Snoozed, state: State | None) -> Outcome:
    """What became of a snooze: the job may wait no more where its life has snoozed too often, or ends before."""
    if state is State.FAILED:
        return Exhausted(outcome.error)
    if state is State.CANCELLED:
        return Cancelled("a cancel was requested, or the job expires before it would run again")
    return outcome


_FORMS = {"attempt": "%d", "seconds": "%.3f"}


def _template(form: logs.Format, event: str, *names: str) -> str:
    """A line that `%` fills with the time and the values of `names`, which stand in the order of the alphabet.

    What is filled in is never quoted: ids, numbers, and the names of types and queues hold no character that
    either form would quote.
    """
    marks = {name: f"{name}placeholder" for name in ("timestamp", *sorted(names))}
    text = logs.render(form, {**marks, "event": event, "level": "info", "logger": __name__}).replace(
        "%", "%%"
    )
    for name, mark in marks.items():
        number = name in _FORMS and form == "json"  # rendered as a text, with its quotes
        text = text.replace(f'"{mark}"' if number else mark, _FORMS.get(name, "%s"))
    return text + "\n"


def _told(error: JobError) -> str:
    text = f"{error.type}: {error.message}".replace("\n", " ")
    return text if len(text) <= MAX_ERROR else f"{text[:MAX_ERROR]}…"


_ID = "\0"
"""Stands for the id in a line that is the same of several jobs but for that."""


def _for_each(ids: Sequence[UUID], line: str) -> bytes:
    """The line for each of these ids: a third of the time that filling in each line takes."""
    head, tail = line.encode().split(_ID.encode())
    return head + spelled_bytes(ids, tail + head) + tail


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _write(lines: bytes) -> None:
    """To where every other line goes; whole lines, so that those of other threads stand between, not within."""
    if not lines:
        return
    stream = logs.stream()
    buffer = getattr(stream, "buffer", None)
    # It may be closed, or None: no job ends differently for that.
    with suppress(OSError, ValueError, AttributeError):
        if buffer is None:  # somebody put a stream of text in its place
            stream.write(lines.decode())
            return
        buffer.write(lines)
        buffer.flush()
