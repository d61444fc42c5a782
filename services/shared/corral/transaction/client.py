"""Submits jobs in transactions of its callers (protocol rule 4)."""

import time
from collections.abc import Coroutine, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Unpack, overload

from pydantic_core import from_json

from corral.actions.submissions.bulk import SubmissionRefused, refuse_all
from corral.actions.submissions.idempotency import OTHER, POINTER, check_key, keyed
from corral.actions.submissions.job_request import NewSubmission, resolve
from corral.actions.submissions.plain_submission import submission_of
from corral.actions.submissions.submit import MAX_PAYLOAD_BYTES
from corral.actions.submissions.type_cache import FRESH_SECONDS, TypeSnapshot, read_snapshot, unknown
from corral.context import SubmitOptions
from corral.context.context import Declared, name_of
from corral.context.json_text import json_text
from corral.context.options import plain_options
from corral.errors import FieldError, InvalidInput, TooLarge
from corral.ids import new_id
from corral.job.job import Accepted, NewJob
from corral.job.limits import MAX_BULK
from corral.job.unique import Deduplication
from corral.refusals import Duplicate
from corral.store import EarlierRequest
from corral.store.jobs.callers_transaction import (
    AWAITED,
    AwaitedConnection,
    BlockingConnection,
    CallersDatabase,
    CallersTransaction,
    blocking,
    callers_transaction,
    refusals,
)
from corral.store.jobs.idempotency import insert_once
from corral.store.jobs.insert import insert_within
from corral.store.jobs.transaction_jobs import notify
from corral.store.limits.limits import LimitRows
from corral.store.postgres.schema import Schema
from corral.store.postgres.sql_params import DEFAULT_SCHEMA
from corral.store.registry.job_types import JobTypes
from corral.store.registry.queues import Queues
from corral.store.unique.unique_jobs import ANEW_PAUSE_SECONDS, ANEW_SECONDS, JobHeld, insert_unique
from corral.transaction.submitted_job import SubmittedJob
from corral.transaction.wanted_job import WantedJob, of_bulk

LOCK_SECONDS = 1.0
"""How long a unique key, or an idempotency key, is waited for that another transaction holds."""


@dataclass(frozen=True, slots=True)
class _Read:
    """The job types of one database, and when they were read."""

    at: float
    version: str
    snapshot: TypeSnapshot


class TransactionClient:
    """Submits jobs in transactions of its callers. One for a program; threads and coroutines may share it."""

    def __init__(
        self,
        *,
        schema: str = DEFAULT_SCHEMA,
        installation_options: Mapping[str, Any] | None = None,
        max_payload: int = MAX_PAYLOAD_BYTES,
    ) -> None:
        """Make a client. It opens no connection.

        Args:
            schema: in which Corral's tables are, in the database of the connections that are given.
            installation_options: the options that the publisher sets with `CORRAL_DEFAULT_…`, where it sets some:
                `Settings.load().installation_options`.
            max_payload: bytes of JSON that a payload has at most.
        """
        self._schema = schema
        self._installation_options = installation_options or {}
        self._max_payload = max_payload
        self._types: dict[str, _Read] = {}

    @overload
    def submit(
        self,
        connection: BlockingConnection,
        job_type: Declared | str,
        payload: Any = None,
        **options: Unpack[SubmitOptions],
    ) -> SubmittedJob: ...

    @overload
    def submit(
        self,
        connection: AwaitedConnection,
        job_type: Declared | str,
        payload: Any = None,
        **options: Unpack[SubmitOptions],
    ) -> Coroutine[Any, Any, SubmittedJob]: ...

    def submit(
        self,
        connection: BlockingConnection | AwaitedConnection,
        job_type: Declared | str,
        payload: Any = None,
        **options: Unpack[SubmitOptions],
    ) -> SubmittedJob | Coroutine[Any, Any, SubmittedJob]:
        """Submit one job in the transaction of the connection. It starts after the commit, and is gone after a rollback.

        What is refused leaves the transaction as it was: it goes on. With a connection for coroutines, await it.

        Args:
            connection: of psycopg 3 or SQLAlchemy; its transaction stays open.
            job_type: of the job, or its name; it is registered in this database.
            payload: a JSON value, or a model.
            options: `queue`, `priority`, `delay`, `run_at`, `retries`, `timeout`, `expires_in`, `tags`, `limits`,
                `unique_key` and `idempotency_key`. Delays count from this call.

        Raises:
            InvalidInput: the type, the payload or an option is refused; names the fields.
            TooLarge: the payload is over its limit.
            Duplicate: another job holds its unique key, and its type refuses duplicates.
            Refused: another transaction holds its key, for a second already.
            SchemaMismatch: the database's schema does not fit this release.
            TypeError, ValueError: there is no such option, or it is given what is no such thing.
            psycopg.Error: the transaction has failed, for example by a serialization failure: roll it back.
        """
        plain = plain_options(options)
        key = plain.pop("idempotency_key", None)
        text = json_text(payload, "/payload")
        wanted = [WantedJob(name_of(job_type), from_json(text), plain)]
        work = self._one(connection, wanted, key)
        return work if isinstance(connection, AWAITED) else blocking(work)

    @overload
    def submit_many(
        self,
        connection: BlockingConnection,
        jobs: Sequence[Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
    ) -> list[SubmittedJob]: ...

    @overload
    def submit_many(
        self,
        connection: AwaitedConnection,
        jobs: Sequence[Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
    ) -> Coroutine[Any, Any, list[SubmittedJob]]: ...

    def submit_many(
        self,
        connection: BlockingConnection | AwaitedConnection,
        jobs: Sequence[Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
    ) -> list[SubmittedJob] | Coroutine[Any, Any, list[SubmittedJob]]:
        """Submit up to 10,000 jobs, all or none: `{"type": …, "payload": …}` and the options of `submit` for each.

        Args:
            connection: as for `submit`.
            jobs: in the order in which they are answered.
            idempotency_key: of all of them.

        Raises:
            InvalidInput: too many, or any faulty one; pointers are `/jobs/index/field`.
            Duplicate, Refused, SchemaMismatch, TypeError, ValueError, psycopg.Error: as for `submit`.
        """
        if len(jobs) > MAX_BULK:
            raise InvalidInput(FieldError("/jobs", f"{len(jobs):,} jobs are more than {MAX_BULK:,}"))
        wanted = [of_bulk(at, job) for at, job in enumerate(jobs)]
        work = self._submit(connection, wanted, idempotency_key, bulk=True)
        return work if isinstance(connection, AWAITED) else blocking(work)

    async def _one(self, connection: object, wanted: Sequence[WantedJob], key: str | None) -> SubmittedJob:
        return (await self._submit(connection, wanted, key, bulk=False))[0]

    async def _submit(
        self,
        connection: object,
        wanted: Sequence[WantedJob],
        key: str | None,
        *,
        bulk: bool,
    ) -> list[SubmittedJob]:
        if key is not None:
            check_key(key)
        if not wanted:
            return []
        transaction = await callers_transaction(connection, self._schema)
        types = await self._read(transaction, {one.type for one in wanted})
        caller = f"database:{transaction.user}"
        submissions = [submission_of(*one, caller) for one in wanted]
        jobs = self._resolved(submissions, types, bulk=bulk)
        until = time.monotonic() + ANEW_SECONDS
        while True:
            try:
                with refusals():
                    async with transaction.savepoint():
                        return await self._store(transaction, submissions, jobs, key)
            except JobHeld:
                if time.monotonic() >= until:
                    raise
            await transaction.pause(ANEW_PAUSE_SECONDS)

    async def _read(self, transaction: CallersTransaction, wanted: AbstractSet[str]) -> TypeSnapshot:
        """The job types as they are now; at most a second old, if all that are wanted are among them."""
        known, now = self._types.get(transaction.place), time.monotonic()
        if known is not None and now - known.at < FRESH_SECONDS and wanted <= known.snapshot.types.keys():
            return known.snapshot
        database = CallersDatabase(transaction, self._schema)
        types = JobTypes(database)
        with refusals():
            async with transaction.savepoint():
                await Schema(database).check_revision()
                version = await types.version()
                snapshot = TypeSnapshot() if known is None else known.snapshot
                if known is None or known.version != version:
                    snapshot = await read_snapshot(
                        types, LimitRows(database), Queues(database), self._installation_options, snapshot
                    )
        self._types[transaction.place] = _Read(now, version, snapshot)
        return snapshot

    def _resolved(
        self, submissions: Sequence[NewSubmission], types: TypeSnapshot, *, bulk: bool
    ) -> list[NewJob]:
        found: list[NewJob | SubmissionRefused] = []
        for submission in submissions:
            try:
                known = types.types.get(submission.type)
                if known is None:
                    raise unknown(submission.type, types)
                found.append(resolve(submission, known, types, new_id(), max_payload=self._max_payload))
            except InvalidInput as error:
                if not bulk:
                    raise
                found.append(SubmissionRefused(error.errors))
            except TooLarge as error:
                if not bulk:
                    raise
                found.append(SubmissionRefused((FieldError("/payload", str(error)),)))
        refuse_all(found)
        return [one for one in found if isinstance(one, NewJob)]

    async def _store(
        self,
        transaction: CallersTransaction,
        submissions: Sequence[NewSubmission],
        jobs: Sequence[NewJob],
        key: str | None,
    ) -> list[SubmittedJob]:
        if key is None and all(job.unique is None for job in jobs):
            accepted = await insert_within(transaction, jobs)
        else:
            async with transaction.lock_timeout(LOCK_SECONDS):
                answer = await _with_keys(transaction, submissions, jobs, key)
            if isinstance(answer, EarlierRequest):
                return SubmittedJob.of_earlier(answer.jobs)
            accepted = answer
        await notify(
            transaction,
            self._schema,
            new=[one.id for one in accepted if one.duplicate is None],
            changed=[
                one.id
                for one in accepted
                if one.duplicate is not None and one.duplicate.what is Deduplication.REPLACED
            ],
        )
        return SubmittedJob.of(accepted)


async def _with_keys(
    transaction: CallersTransaction,
    submissions: Sequence[NewSubmission],
    jobs: Sequence[NewJob],
    key: str | None,
) -> list[Accepted] | EarlierRequest:
    """Store jobs with keys of either kind."""
    if key is None:
        (told,) = await insert_unique(transaction, [jobs])
        if isinstance(told, Duplicate):
            raise told
        return told
    request = keyed(submissions, jobs, key)
    (answer,) = await insert_once(transaction, [request])
    if isinstance(answer, EarlierRequest) and answer.digest != request.digest:
        raise InvalidInput(FieldError(POINTER, OTHER))
    return answer
