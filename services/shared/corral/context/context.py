"""What a handler receives, in coroutines and elsewhere."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Unpack
from uuid import UUID

from corral.context import budgets
from corral.context.artifacts import Artifacts
from corral.context.attempt import Attempt
from corral.context.feeds import FeedRecords
from corral.context.held_limits import LimitBlock
from corral.context.json_text import json_text, json_texts
from corral.context.link import (
    ContextLink,
    FollowUpOptions,
    ManyOptions,
    Statistics,
    SubmitOptions,
    UploadedFile,
)
from corral.context.once import UnderWay, once
from corral.context.options import follow_up_options, follows_on, many_options, plain_options
from corral.context.providers import ProviderCaller
from corral.context.request_budget import RequestBudget
from corral.context.webhooks import WebhookRecords
from corral.job.job import Claimed

if TYPE_CHECKING:  # as in corral.context.link
    from corral.outgoing.client import OutgoingClient


class Declared(Protocol):
    """Anything with the name of a job type: a `JobType`, or what stands for one."""

    @property
    def name(self) -> str:
        """The registered name, as `report.generate`."""


class Context(Attempt):
    """The context of a handler that is a coroutine. A cancel or a timeout arrives as `asyncio.CancelledError` where it awaits."""

    __slots__ = ("_line", "_under_way")

    def __init__(self, claimed: Claimed, line: ContextLink, expires: float | None) -> None:
        super().__init__(claimed, line, expires)
        self._line = line
        self._under_way = UnderWay()

    @property
    def artifacts(self) -> Artifacts:
        """Stores and finds the job's files."""
        return Artifacts(self._line)

    async def checkpoint(self, value: Any) -> None:
        """Store a JSON value that the next attempt finds in `checkpointed`.

        Raises:
            InvalidInput: the value holds what JSON or Postgres can't: names the place.
            TooLarge: it has more than 16 MiB of JSON.
            Conflict: the attempt no longer holds the job.
        """
        self._refuse_cancelled()
        await self._line.checkpoint(json_text(value, "/checkpoint"))

    async def submit(
        self, job_type: Declared | str, payload: Any = None, **options: Unpack[SubmitOptions]
    ) -> UUID:
        """Submit another job and return its id.

        A repeated attempt submits again, unless `idempotency_key` is given: the same submission with the same key, by the same job, then answers the id of the first one for 24 hours.

        Raises:
            InvalidInput: the type, the payload or an option is refused.
            TypeError, ValueError: there is no such option, or it is given what is no such thing.
            Conflict: the attempt has ended.
        """
        self._refuse_cancelled()
        return await self._line.submit(
            name_of(job_type), json_text(payload, "/payload"), plain_options(options)
        )

    async def submit_many(
        self, job_type: Declared | str, payloads: Sequence[Any], **options: Unpack[ManyOptions]
    ) -> list[UUID]:
        """Submit up to 10,000 jobs of one type in one transaction, all or none; their ids, in the order of the payloads.

        Of a type that is unique, a duplicate answers the id of the job that holds its key. A repeated attempt submits
        again: declare the type with `unique=` where that must not be.

        Raises:
            InvalidInput: the type, a payload or an option is refused; names each. Nothing was stored.
            Duplicate: a duplicate is refused, and with it everything.
            TypeError, ValueError: there is no such option, or it is given what is no such thing.
            Conflict: the attempt has ended.
        """
        self._refuse_cancelled()
        texts = json_texts(payloads)
        return await self._line.submit_many(name_of(job_type), texts, many_options(options)) if texts else []

    async def then(
        self,
        job_type: Declared | str,
        payload: Any = None,
        *,
        on: str = "success",
        **options: Unpack[FollowUpOptions],
    ) -> UUID:
        """Announce a job that is stored with this attempt's outcome, and answer the id that it will have.

        It is checked now. It exists exactly if the outcome that it waits for is recorded: both are one write. So an
        attempt that fails and is tried again, or that is no longer the job's own, leaves none, and none is stored twice.

        Args:
            job_type: of the job, or its name.
            payload: a JSON value, or a model.
            on: `success`; `failure`: the job has failed for good; `cancelled`; `end`: any of these three; `retry`: this
                attempt failed and the job will be tried again. A worker that is lost announces nothing.
            options: as for `submit`, without `idempotency_key`; a delay counts from the outcome on.

        Raises:
            InvalidInput: the type, the payload or an option is refused.
            TypeError, ValueError: there is no such option or outcome, or it is given what is no such thing.
            TooLarge: the payloads of the attempt's follow-ups have more than 16 MiB of JSON.
            Conflict: the attempt has ended, or has 1,000 follow-ups already.
        """
        self._refuse_cancelled()
        return await self._line.then(
            name_of(job_type), json_text(payload, "/payload"), follow_up_options(options), follows_on(on)
        )

    async def upload(self, upload: UUID) -> UploadedFile | None:
        """A file that somebody sent with POST /api/v1/uploads, None where there is none any more.

        An upload is kept for CORRAL_UPLOAD_HOURS, and then as long as a job is there whose searchable payload field
        `upload` names it: declare the type with `search=["upload"]`.
        """
        found = await self._line.upload(upload)
        return None if found is None else UploadedFile(*found)

    async def once(self, name: str, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Any:
        """Call `function(*arguments, **keywords)` once for this job, whatever is tried again, and answer its receipt.

        That it begins is stored first; when the function has returned, its value is stored as the receipt, a JSON
        value. Every later attempt, also after a retry by a person, gets this receipt and does not call the function.

        The function raises `NotDone` where it is certain that nothing happened (the connection was refused): then it
        may be done again. After any other error, or the death of the worker, it is perhaps done: the next attempt fails
        with `PerhapsDone` until a person settles the effect, or calls the function again where the job type says
        `perhaps_done="repeat"`. A handler that is released when its worker stops has the worker's grace to end it.

        Args:
            name: of the effect, within this job: up to 200 printable characters.
            function: a function or a coroutine function, called here.
            arguments: for the function.
            keywords: for the function.

        Raises:
            PerhapsDone: an earlier attempt began it and left no end; the job then fails, whatever retries are left.
            InvalidInput, TooLarge: what the function returned is no JSON value; the effect is stored as done, without
                a receipt.
            TypeError, ValueError: the name or the function is none.
            Conflict: the attempt no longer holds the job, or is doing it already.
        """
        self._refuse_cancelled()
        return await once(self._line, self._under_way, name, (function, arguments, keywords))

    async def budget(
        self,
        name: str,
        cost: float | None = None,
        *,
        key: str | int | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # the handler's
    ) -> None:
        """Take of a rate of calls (`Rate(…, at="call")`), when there is enough of it. Make the call at once.

        All workers together take no more than the rate in any window, also when Redis loses its memory. What was taken
        and comes later than the rate's deadline is given back, and taken anew; so is what the call would use too late because
        the worker's event loop is full, up to twenty times.

        Args:
            name: of the rate.
            cost: how much; by default what the rate's declaration says.
            key: where the rate counts by keys; by default the value of the payload's field that the declaration names.
            timeout: seconds to wait at most; by default as long as the attempt may run. A wait keeps the job's slot.

        Raises:
            BudgetExhausted: there was not enough in time. Not caught, it snoozes the job until there may be something.
            InvalidInput: there is no such rate of calls, or the key or the cost makes no sense.
            TypeError, ValueError: an argument is no such thing.
            Conflict: the attempt has ended.
        """
        self._refuse_cancelled()
        await budgets.take(self._line, budgets.checked(name, cost, key), budgets.seconds(timeout))

    def request_budget(
        self,
        name: str,
        cost: float | None = None,
        *,
        key: str | int | None = None,
        timeout: float | None = None,
    ) -> RequestBudget:
        """Take of a rate of calls when a request leaves: `client.get(url, extensions={"trace": ctx.request_budget("calls")})`.

        For clients of httpx and httpx2. What a name's look-up, a connection and TLS take is over by then, so that the
        provider sees the call sooner after the take than with `budget`. Each redirect that the client follows takes anew,
        and so does each request that is given the same object. The wait counts towards no timeout of the client's.

        Args, Raises: as `budget`; what the take raises is raised by the request.
        """
        self._refuse_cancelled()
        return RequestBudget(self._line, budgets.checked(name, cost, key), budgets.seconds(timeout))

    def limit(self, name: str, *, key: str | int | None = None, timeout: float | None = None) -> LimitBlock:
        """Hold a slot of a limit while a block runs: `async with ctx.limit("openai"): …`.

        What the job holds already is not taken twice. Limits are taken in the order of their names, so that no two jobs
        wait for each other. A slot is leased for 30 seconds and renewed; where it could not be renewed for 20 seconds, the
        body is cancelled and `LimitLost` raised, before anybody else can have the slot.

        Args:
            name: of the limit.
            key: where the limit counts by keys.
            timeout: seconds to wait at most; by default as long as the attempt may run.

        Raises:
            LimitTimeout: there was no free slot in time. Not caught, it snoozes the job for a minute.
            Conflict: a limit behind this one in the order of names is held.
            InvalidInput: there is no such limit, or it has no such keys.
            TypeError, ValueError: an argument is no such thing.
        """
        self._refuse_cancelled()
        checked, _, text = budgets.checked(name, None, key)
        return LimitBlock(self._line, (checked, text, budgets.seconds(timeout)))

    async def settle(self, name: str, actual: float, *, key: str | int | None = None) -> None:
        """Correct what was taken of a rate last: by `budget`, or when the job started. More counts from now on.

        Args:
            name: of the rate.
            actual: what it was in the end.
            key: where several keys of the rate were taken of.

        Raises:
            Conflict: nothing of it was taken, or the attempt no longer holds the job.
            InvalidInput: it is a limit, or several keys of it were taken of.
            TypeError, ValueError: an argument is no such thing.
        """
        self._refuse_cancelled()
        checked, number, text = budgets.checked(name, actual, key)
        await self._line.settle(checked, number or 0.0, text)

    async def statistics(self) -> list[Statistics]:
        """Corral's own figures, one row for each queue: what waits and runs, and how the last day went."""
        return await self._line.statistics()

    @property
    def feeds(self) -> FeedRecords:
        """Sources, items and imports of feeds, for the handlers that come with Corral."""
        return self._line.feeds

    @property
    def webhooks(self) -> WebhookRecords:
        """Webhooks and deliveries, for the handlers that come with Corral."""
        return self._line.webhooks

    @property
    def outgoing(self) -> "OutgoingClient":
        """The worker's client for addresses that users give: it reaches what the installation's settings allow."""
        return self._line.outgoing

    @property
    def providers(self) -> ProviderCaller:
        """Sends requests to providers, with their secrets and within what they allow: `corral providers list`."""
        return self._line.providers


def name_of(job_type: Any) -> str:
    """The name of a job type, or a name as it is. Raises TypeError for anything else."""
    name = job_type if isinstance(job_type, str) else getattr(job_type, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"a job type or its name is submitted, not a {type(job_type).__qualname__}")
    return str.__str__(name)
