"""What handlers may ask of the worker: checkpoints, artifacts, and jobs of their own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic_core import from_json

from corral.actions.limits.call_budgets import BudgetTake, CallBudgets
from corral.actions.limits.held import HeldLimit, HeldLimits
from corral.actions.submissions.bulk import SubmissionRefused
from corral.actions.submissions.job_request import NewSubmission
from corral.actions.submissions.plain_submission import submission_of
from corral.actions.submissions.submit import Submitter
from corral.actions.submissions.traced_submitter import submitter_class
from corral.actions.submissions.type_cache import TypeCache
from corral.context import Statistics, SubmitOptions
from corral.context.feeds import FeedRecords
from corral.context.providers import ProviderCaller
from corral.context.webhooks import WebhookRecords
from corral.dispatch import Dispatch
from corral.errors import Conflict
from corral.job.effect import EffectBegin
from corral.job.job import NewJob
from corral.job.limit_use import parsed
from corral.job_log import JobLog
from corral.settings import SECRETS_DIR, Settings
from corral.store import EarlierRequest, Store
from corral_worker.context.effects import AttemptEffects
from corral_worker.context.feeds import StoredFeeds
from corral_worker.context.provider_access import ProviderAccess
from corral_worker.context.providers import ProviderRequests
from corral_worker.context.queue_statistics import figures
from corral_worker.context.webhooks import StoredWebhooks
from corral_worker.own_process.event_loop import as_worker

if TYPE_CHECKING:
    from corral.outgoing.client import OutgoingClient


class WorkerServices:
    """What handlers may ask of their worker. The submitter is made when a handler first submits."""

    def __init__(
        self,
        store: Store,
        dispatch: Dispatch,
        *,
        job_log: JobLog | None = None,
        max_payload: int,
        installation: Mapping[str, Any] | None = None,
        types: TypeCache | None = None,
        settings: Settings | None = None,
    ) -> None:
        """`settings` say what may be reached of the addresses that users give; None: the internet."""
        self._types = types or TypeCache(store, installation)
        self._settings = settings
        self._outgoing: OutgoingClient | None = None
        self._feeds = StoredFeeds(store)
        self._webhooks = StoredWebhooks(store)
        self._store = store
        self._dispatch = dispatch
        self._max_payload = max_payload
        self._job_log = job_log
        self._submitter: Submitter | None = None
        self._effects = AttemptEffects(store.effects)
        self._budgets = CallBudgets(store, dispatch)
        self._providers = ProviderAccess(store, self._budgets)
        self._held_limits = HeldLimits(store, dispatch)

    async def checkpoint(self, job: UUID, attempt: int, value: str) -> None:
        """Store a checkpoint, which the next attempt finds.

        Raises:
            Conflict: the attempt no longer holds the job.
        """
        if not await self._store.attempts.checkpoint(job, attempt, value):
            raise Conflict(f"attempt {attempt} no longer holds job {job}")

    async def submit(self, job: UUID, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Submit a job in the name of this one.

        Raises:
            InvalidInput: the type, the payload or an option is refused.
        """
        submission = submission_of(job_type, from_json(payload), options, f"job:{job}", from_wire=True)
        # Many submissions share a commit: what commits them is not the first one's.
        return await as_worker(_submit(self._own_submitter(), submission, options.get("idempotency_key")))

    async def submit_many(
        self, job: UUID, job_type: str, payloads: Sequence[str], options: SubmitOptions
    ) -> list[UUID]:
        """Submit jobs of one type in the name of this one, all or none.

        Raises:
            InvalidInput: the type, a payload or an option is refused.
        """
        submissions = [
            submission_of(job_type, from_json(payload), options, f"job:{job}", from_wire=True)
            for payload in payloads
        ]
        answers = await as_worker(self._own_submitter().submit_many(submissions))
        return [one.id for one in answers if not isinstance(one, SubmissionRefused)]  # all, or it raised

    async def prepare(self, job: UUID, job_type: str, payload: str, options: SubmitOptions) -> NewJob:
        """A job in the name of this one, checked and with its id, not stored.

        Raises:
            InvalidInput: the type, the payload or an option is refused.
            TooLarge: the payload is over its limit.
        """
        submission = submission_of(job_type, from_json(payload), options, f"job:{job}", from_wire=True)
        return await as_worker(self._own_submitter().prepare(submission))

    async def begin_effect(self, job: UUID, attempt: int, name: str, *, repeat: bool) -> EffectBegin:
        """Store that the attempt is about to do something that must not be repeated."""
        return await as_worker(self._effects.begin(job, attempt, name, repeat=repeat))

    async def end_effect(self, job: UUID, attempt: int, name: str, token: UUID, receipt: str | None) -> None:
        """Store that it is done."""
        await as_worker(self._effects.end(job, attempt, name, token, receipt))

    async def withdraw_effect(self, job: UUID, attempt: int, name: str, token: UUID) -> None:
        """Take the begin back."""
        await as_worker(self._effects.withdraw(job, attempt, name, token))

    async def take_budget(
        self,
        limit: str,
        cost: float | None,
        key: str | None,
        payload: str,
        timeout: float | None,  # noqa: ASYNC109
    ) -> BudgetTake:
        """Take of a rate of calls, for a job with this payload.

        Raises:
            InvalidInput: there is no such rate of calls, or the key or the cost makes no sense.
            BudgetExhausted: there was not enough in time.
        """
        return await as_worker(
            self._budgets.take(limit, cost=cost, key=key, payload=from_json(payload), timeout=timeout)
        )

    async def limit_names(self, limit: str, key: str | None) -> tuple[str, ...]:
        """What is taken of a limit: its total, its key, or both.

        Raises:
            InvalidInput: there is no such limit, or it has no such keys.
        """
        return await as_worker(self._held_limits.names(limit, key))

    async def without_rates(self, names: Sequence[str]) -> list[str]:
        """Those of these names that stand for limits, and not for rates."""
        return await as_worker(self._held_limits.without_rates(names))

    async def hold_limit(
        self,
        names: Sequence[str],
        job: UUID,
        attempt: int,
        timeout: float | None,  # noqa: ASYNC109
    ) -> HeldLimit:
        """Hold a slot of each of these.

        Raises:
            LimitTimeout: they had none in time.
            Conflict: the attempt no longer holds the job.
        """
        return await as_worker(self._held_limits.take(names, job, attempt, timeout))

    async def release_limit(self, held: HeldLimit) -> bool:
        """Give a slot back; whether it was held until now."""
        return await as_worker(self._held_limits.release(held))

    async def give_back_budget(self, take: BudgetTake) -> None:
        """Give back what was taken of a rate of calls for a call that would be late."""
        await as_worker(self._budgets.give_back(take, late=True))

    async def settle_budget(self, take: BudgetTake, actual: float) -> BudgetTake:
        """Correct what was taken of a rate of calls."""
        return await as_worker(self._budgets.settle(take, actual))

    async def settle_claim(
        self, job: UUID, attempt: int, name: str, before: float | None, actual: float
    ) -> None:
        """Correct what the job took of a rate when it started.

        Raises:
            Conflict: the attempt no longer holds the job.
            InvalidInput: it is no rate.
        """
        await as_worker(self._budgets.rate(parsed(name)[0]))
        if not await self._store.budget_notes.settle(job, attempt, name, before=before, actual=actual):
            raise Conflict(f"attempt {attempt} no longer holds job {job}")

    async def put(self, job: UUID, attempt: int, name: str, media_type: str, data: bytes | Path) -> UUID:
        """Store an artifact, invisible until the attempt succeeds; its id.

        Raises:
            Conflict: the attempt no longer holds the job.
        """
        return await self._store.artifacts.put(job, attempt, name, media_type, data)

    async def publish(self, job: UUID, attempt: int, artifact: UUID) -> None:
        """Make an artifact visible now, before the attempt ends.

        Raises:
            Conflict: the attempt no longer holds the job.
        """
        if not await self._store.artifacts.publish(job, attempt, [artifact]):
            raise Conflict(f"attempt {attempt} no longer holds job {job}")

    async def get(self, job: UUID, name: str) -> bytes | None:
        """Read a visible artifact, whole."""
        found = await self._store.artifacts.find(job, name)
        if found is None:
            return None
        return b"".join([piece async for piece in self._store.artifacts.read(found)])

    async def upload(self, upload: UUID) -> tuple[str, str, bytes] | None:
        """Read an upload, whole: its name, media type and content."""
        found = await self._store.uploads.find(upload)
        if found is None:
            return None
        return found.name, found.media_type, await self._store.uploads.read(found)

    async def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""
        return await figures(self._store)

    @property
    def feeds(self) -> FeedRecords:
        """Sources, items and imports of feeds."""
        return self._feeds

    @property
    def webhooks(self) -> WebhookRecords:
        """Webhooks and deliveries."""
        return self._webhooks

    @property
    def outgoing(self) -> "OutgoingClient":
        """The client for addresses that users give."""
        if self._outgoing is None:
            from corral.outgoing.client import OutgoingClient  # noqa: PLC0415  most workers send no request

            self._outgoing = OutgoingClient() if self._settings is None else OutgoingClient.of(self._settings)
        return self._outgoing

    def providers(self, job: UUID, attempt: int) -> ProviderCaller:
        """Sends requests to providers for this attempt, as long as it holds its job."""
        folder = SECRETS_DIR if self._settings is None else self._settings.secrets_dir
        return ProviderRequests(self._providers, self.outgoing, folder, (job, attempt))

    def _own_submitter(self) -> Submitter:
        if self._submitter is None:
            self._submitter = submitter_class()(
                self._store,
                self._dispatch,
                self._types,
                job_log=self._job_log,
                max_payload=self._max_payload,
            )
        return self._submitter

    async def close(self) -> None:
        """Finish submissions under way, and close connections."""
        if self._submitter is not None:
            await self._submitter.close()
        await self._held_limits.close()
        await self._providers.close()
        if self._outgoing is not None:
            await self._outgoing.close()


async def _submit(submitter: Submitter, submission: NewSubmission, key: str | None) -> UUID:
    if key is None:
        return (await submitter.submit(submission)).id
    job = await submitter.prepare(submission)
    answer = await submitter.submit_once([submission], [job], key)
    return answer.jobs[0].id if isinstance(answer, EarlierRequest) else answer[0].id
