"""What a handler in a thread or a process receives beside its payload."""

from collections.abc import Callable, Sequence
from typing import Any, Unpack
from uuid import UUID

from corral.context import budgets
from corral.context.artifacts import SyncArtifacts
from corral.context.attempt import Attempt
from corral.context.context import Declared, name_of
from corral.context.held_limits import BlockingLimitBlock
from corral.context.json_text import json_text, json_texts
from corral.context.link import (
    FollowUpOptions,
    ManyOptions,
    Statistics,
    SubmitOptions,
    SyncContextLink,
    UploadedFile,
)
from corral.context.once import UnderWay, once_blocking
from corral.context.options import follow_up_options, follows_on, many_options, plain_options
from corral.context.request_budget import BlockingRequestBudget
from corral.job.job import Claimed


class SyncContext(Attempt):
    """The context of a handler in a thread or a process. A cancel raises `JobCancelled` at the next use of the context."""

    __slots__ = ("_line", "_under_way")

    def __init__(self, claimed: Claimed, line: SyncContextLink, expires: float | None) -> None:
        super().__init__(claimed, line, expires)
        self._line = line
        self._under_way = UnderWay()

    @property
    def artifacts(self) -> SyncArtifacts:
        """Stores and finds the job's files."""
        return SyncArtifacts(self._line)

    def checkpoint(self, value: Any) -> None:
        """Store a JSON value that the next attempt finds in `checkpointed`.

        Raises:
            InvalidInput: the value holds what JSON or Postgres can't: names the place.
            TooLarge: it has more than 16 MiB of JSON.
            Conflict: the attempt no longer holds the job.
        """
        self._refuse_cancelled()
        self._line.checkpoint(json_text(value, "/checkpoint"))

    def submit(self, job_type: Declared | str, payload: Any = None, **options: Unpack[SubmitOptions]) -> UUID:
        """Submit another job and return its id.

        A repeated attempt submits again, unless `idempotency_key` is given: the same submission with the same key, by the same job, then answers the id of the first one for 24 hours.

        Raises:
            InvalidInput: the type, the payload or an option is refused.
            TypeError, ValueError: there is no such option, or it is given what is no such thing.
            Conflict: the attempt has ended.
        """
        self._refuse_cancelled()
        return self._line.submit(name_of(job_type), json_text(payload, "/payload"), plain_options(options))

    def submit_many(
        self, job_type: Declared | str, payloads: Sequence[Any], **options: Unpack[ManyOptions]
    ) -> list[UUID]:
        """Submit up to 10,000 jobs of one type, all or none; see `Context.submit_many`."""
        self._refuse_cancelled()
        texts = json_texts(payloads)
        return self._line.submit_many(name_of(job_type), texts, many_options(options)) if texts else []

    def then(
        self,
        job_type: Declared | str,
        payload: Any = None,
        *,
        on: str = "success",
        **options: Unpack[FollowUpOptions],
    ) -> UUID:
        """Announce a job that is stored with this attempt's outcome; see `Context.then`."""
        self._refuse_cancelled()
        return self._line.then(
            name_of(job_type), json_text(payload, "/payload"), follow_up_options(options), follows_on(on)
        )

    def upload(self, upload: UUID) -> UploadedFile | None:
        """A file that somebody sent with POST /api/v1/uploads, None where there is none any more.

        An upload is kept for CORRAL_UPLOAD_HOURS, and then as long as a job is there whose searchable payload field
        `upload` names it: declare the type with `search=["upload"]`.
        """
        found = self._line.upload(upload)
        return None if found is None else UploadedFile(*found)

    def once(self, name: str, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Any:
        """Call a plain function once for this job, and answer its receipt; see `Context.once`."""
        self._refuse_cancelled()
        return once_blocking(self._line, self._under_way, name, (function, arguments, keywords))

    def budget(
        self,
        name: str,
        cost: float | None = None,
        *,
        key: str | int | None = None,
        timeout: float | None = None,
    ) -> None:
        """Take of a rate of calls, when there is enough of it; see `Context.budget`."""
        self._refuse_cancelled()
        budgets.take_blocking(self._line, budgets.checked(name, cost, key), budgets.seconds(timeout))

    def request_budget(
        self,
        name: str,
        cost: float | None = None,
        *,
        key: str | int | None = None,
        timeout: float | None = None,
    ) -> BlockingRequestBudget:
        """Take of a rate of calls when a request leaves; see `Context.request_budget`."""
        self._refuse_cancelled()
        return BlockingRequestBudget(self._line, budgets.checked(name, cost, key), budgets.seconds(timeout))

    def limit(
        self, name: str, *, key: str | int | None = None, timeout: float | None = None
    ) -> BlockingLimitBlock:
        """Hold a slot of a limit while a block runs; see `Context.limit`.

        A body in a thread or a process can't be interrupted: where its slot was lost, `LimitLost` is raised at its end.
        """
        self._refuse_cancelled()
        checked, _, text = budgets.checked(name, None, key)
        return BlockingLimitBlock(self._line, (checked, text, budgets.seconds(timeout)))

    def settle(self, name: str, actual: float, *, key: str | int | None = None) -> None:
        """Correct what was taken of a rate last; see `Context.settle`."""
        self._refuse_cancelled()
        checked, number, text = budgets.checked(name, actual, key)
        self._line.settle(checked, number or 0.0, text)

    def statistics(self) -> list[Statistics]:
        """Corral's own figures, one row for each queue: what waits and runs, and how the last day went."""
        return self._line.statistics()
