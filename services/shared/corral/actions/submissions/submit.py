"""Submitting jobs: checked, stored by group commit, answered, then handed to Redis."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.servers import Servers
from corral.actions.submissions.bulk import PartialBulk, SubmissionRefused, refuse_all
from corral.actions.submissions.enqueuer import Enqueuer
from corral.actions.submissions.group_commit import GroupCommit
from corral.actions.submissions.idempotency import IdempotentCommit, check_key, keyed
from corral.actions.submissions.job_request import NewSubmission, resolve
from corral.actions.submissions.known_type import KnownType
from corral.actions.submissions.type_cache import TypeCache, TypeSnapshot
from corral.actions.submissions.unique_commit import UniqueCommit
from corral.dispatch import Dispatch
from corral.errors import FieldError, InvalidInput, TooLarge, Unavailable
from corral.ids import new_id
from corral.job.job import Accepted, NewJob
from corral.job.limits import MAX_BULK
from corral.job.unique import Deduplication
from corral.job_log import JobLog
from corral.refusals import LimitFull
from corral.settings import Settings
from corral.store import EarlierRequest, Store

log = structlog.get_logger(__name__)

MAX_PAYLOAD_BYTES = 1_048_576
SUBMISSIONS_PER_TURN = 250
"""Submissions of a bulk that are checked before others get a turn."""


class Submitter:
    """The one way by which jobs come into being. One per process and event loop; close it at the end."""

    def __init__(
        self,
        store: Store,
        dispatch: Dispatch,
        types: TypeCache | None = None,
        *,
        job_log: JobLog | None = None,
        servers: Servers | None = None,
        installation: Mapping[str, Any] | None = None,
        max_payload: int = MAX_PAYLOAD_BYTES,
    ) -> None:
        self.types = types or TypeCache(store, installation)
        self._commits = GroupCommit(store.jobs.insert, store.jobs.existing, self.told)
        self._counted = GroupCommit(store.jobs.insert, store.jobs.existing, self.told)
        """Jobs that may wait for the locks of limits' keys, which hold up no others."""
        self._keyed = IdempotentCommit(store.idempotency.insert)
        self._unique = UniqueCommit(store.unique_jobs.insert)
        self._partial = PartialBulk(self._store)
        self._enqueuer = Enqueuer(dispatch)
        self._job_log = job_log
        self._servers = servers
        self._max_payload = max_payload

    @classmethod
    def configured(
        cls,
        settings: Settings,
        store: Store,
        dispatch: Dispatch,
        types: TypeCache,
        servers: Servers | None = None,
    ) -> Self:
        """One for a service: it logs jobs and bounds payloads as the settings say."""
        job_log = JobLog(settings.log_jobs, settings.log_level, settings.log_format)
        return cls(
            store, dispatch, types, job_log=job_log, servers=servers, max_payload=settings.max_payload_bytes
        )

    async def submit(self, submission: NewSubmission) -> Accepted:
        """Store one job.

        Raises:
            InvalidInput: nothing was stored; names the fields.
            TooLarge: the payload is over its limit.
            LimitFull: a limit refuses it; names the jobs that hold it.
            Duplicate: another job holds its unique key, and its type refuses duplicates.
            OutcomeUnknown: the database went away while committing; names the id.
            Unavailable: the database is away.
        """
        return await self.commit(await self.prepare(submission))

    async def prepare(self, submission: NewSubmission, job_id: UUID | None = None) -> NewJob:
        """The job of a submission, checked and with its id, not yet stored.

        Raises:
            InvalidInput: names the fields.
            TooLarge: the payload is over its limit.
        """
        known, knowledge = await self.types.get(submission.type)
        return resolve(submission, known, knowledge, job_id or new_id(), max_payload=self._max_payload)

    async def commit(self, job: NewJob) -> Accepted:
        """Store a prepared job. Raises as `submit` does."""
        return (await self._store([job]))[0]

    async def submit_many(
        self, submissions: Sequence[NewSubmission | SubmissionRefused], *, partial: bool = False
    ) -> list[Accepted | SubmissionRefused]:
        """Store a bulk in one transaction: all or nothing, or with `partial` all that is right.

        Unique jobs answer the job that holds their key, with `duplicate`; with `partial` also those that are refused.

        What the caller refused already stays refused.

        Raises:
            InvalidInput: too many submissions; without `partial` also any faulty one.
            LimitFull: without `partial`: limits refuse some; names each.
            Duplicate: without `partial`, a duplicate is refused, and with it everything.
            OutcomeUnknown, Unavailable: as in `submit`.
        """
        prepared = await self._prepare_many(submissions)
        if not partial:
            refuse_all(prepared)
        jobs = [job for job in prepared if isinstance(job, NewJob)]
        store = self._partial.store if partial else self._store
        answers = iter(await store(jobs) if jobs else [])
        return [next(answers) if isinstance(item, NewJob) else item for item in prepared]

    async def prepare_bulk(self, submissions: Sequence[NewSubmission]) -> list[NewJob]:
        """The jobs of a bulk, checked and with their ids, not yet stored.

        Raises:
            InvalidInput: too many submissions, or any faulty one; names the fields.
        """
        prepared = await self._prepare_many(submissions)
        refuse_all(prepared)
        return [job for job in prepared if isinstance(job, NewJob)]

    async def submit_once(
        self, submissions: Sequence[NewSubmission], jobs: Sequence[NewJob], key: str
    ) -> list[Accepted] | EarlierRequest:
        """Store prepared jobs, all or none, unless the same caller sent the same under this key before.

        `jobs` are those that `prepare` made of `submissions`. A key answers for 24 hours, and for as long as one of
        its jobs is live.

        Raises:
            InvalidInput: the key is none, or was used for another request.
            OutcomeUnknown, Unavailable: as in `submit`.
        """
        check_key(key)
        try:
            answer = await self._keyed.commit(keyed(submissions, jobs, key))
        except LimitFull as error:
            count_refusals(error)
            raise
        if not isinstance(answer, EarlierRequest):
            self.told(jobs, answer)
        return answer

    async def close(self) -> None:
        """Finish the commits under way and hand their jobs over."""
        await self._commits.close()
        await self._counted.close()
        await self._keyed.close()
        await self._unique.close()
        await self._enqueuer.close()

    async def _prepare_many(
        self, submissions: Sequence[NewSubmission | SubmissionRefused]
    ) -> list[NewJob | SubmissionRefused]:
        if len(submissions) > MAX_BULK:
            raise InvalidInput(FieldError("/jobs", f"{len(submissions):,} jobs are more than {MAX_BULK:,}"))
        prepared: list[NewJob | SubmissionRefused] = []
        types: dict[str, tuple[KnownType, TypeSnapshot] | InvalidInput] = {}
        """As they were when the bulk first named them."""
        for index, submission in enumerate(submissions):
            if isinstance(submission, SubmissionRefused):
                prepared.append(submission)
                continue
            if submission.type not in types:
                types[submission.type] = await self._known_or_not(submission.type)
            prepared.append(self._prepare_or_refuse(submission, types[submission.type]))
            if index % SUBMISSIONS_PER_TURN == SUBMISSIONS_PER_TURN - 1:
                await asyncio.sleep(0)
        return prepared

    async def _known_or_not(self, name: str) -> tuple[KnownType, TypeSnapshot] | InvalidInput:
        try:
            return await self.types.get(name)
        except InvalidInput as error:
            return error

    def _prepare_or_refuse(
        self, submission: NewSubmission, found: tuple[KnownType, TypeSnapshot] | InvalidInput
    ) -> NewJob | SubmissionRefused:
        if isinstance(found, InvalidInput):
            return SubmissionRefused(found.errors)
        try:
            return resolve(submission, *found, new_id(), max_payload=self._max_payload)
        except InvalidInput as error:
            return SubmissionRefused(error.errors)
        except TooLarge as error:
            return SubmissionRefused((FieldError("/payload", str(error)),))

    async def _store(self, jobs: Sequence[NewJob], *, partial: bool = False) -> Sequence[Accepted]:
        try:
            return await self._committed(jobs, partial=partial)
        except LimitFull as error:
            count_refusals(error)
            raise error.of([job.id for job in jobs]) from error
        except Unavailable:
            if self._servers is not None:
                self._servers.turned_away = True
            raise

    async def _committed(self, jobs: Sequence[NewJob], *, partial: bool) -> Sequence[Accepted]:
        if any(job.unique is not None for job in jobs):
            accepted = await self._unique.commit(jobs, partial=partial)
            self.told(jobs, accepted)
            return accepted
        counted = any(job.limits and job.limits.counted for job in jobs)
        return await (self._counted if counted else self._commits).commit(jobs)

    def told(
        self, jobs: Sequence[NewJob], accepted: Sequence[Accepted], sizes: Sequence[int] | None = None
    ) -> None:
        """Tell Redis of jobs that are stored. What goes wrong is logged, so no caller gets an error.

        `sizes`: how many of them each submission had; None where they are of one.
        """
        try:
            self._tell(jobs, accepted, sizes or [len(jobs)])
        except Exception as error:
            metrics.SWALLOWED.labels("submit-tell").inc()
            log.exception("submit.not_told", jobs=len(jobs), error=repr(error))

    def _tell(self, jobs: Sequence[NewJob], accepted: Sequence[Accepted], sizes: Sequence[int]) -> None:
        """They are stored: tell Redis, the log and the metrics."""
        if any(one.duplicate for one in accepted):
            jobs, accepted = self._tell_duplicates(jobs, accepted)
            sizes = [len(jobs)]
        self._enqueuer.accepted(accepted)
        if self._job_log is not None:
            self._job_log.accepted(jobs, accepted, sizes)
        for (queue, name), count in Counter((job.queue, job.type) for job in jobs).items():
            metrics.JOBS_SUBMITTED.labels(queue, name).inc(count)

    def _tell_duplicates(
        self, jobs: Sequence[NewJob], accepted: Sequence[Accepted]
    ) -> tuple[Sequence[NewJob], Sequence[Accepted]]:
        """Tell of duplicates; the new jobs, in the order of what is told of them."""
        why = [one.duplicate for one in accepted if one.duplicate is not None]
        for (what, name), count in Counter((one.what, one.type) for one in why).items():
            metrics.DUPLICATES.labels(name, what.value).inc(count)
        replaced = {
            one.id: one
            for one in accepted
            if one.duplicate is not None and one.duplicate.what is Deduplication.REPLACED
        }
        new = [one for one in accepted if one.duplicate is None]
        self._enqueuer.accepted([one for one in replaced.values() if one.id not in {each.id for each in new}])
        made = {job.id: job for job in jobs}
        return [made[one.id] for one in new], new


def count_refusals(error: LimitFull) -> None:
    """Count jobs that limits refused."""
    for one in error.refused:
        metrics.LIMIT_REFUSALS.labels(one.limit, one.because.value).inc()
