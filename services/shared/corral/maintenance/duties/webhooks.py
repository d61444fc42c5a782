"""Gives deliveries to webhooks, which the ends of jobs left, to jobs that send them; and forgets old ones."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.submissions.job_request import NewSubmission
from corral.dispatch import Dispatch
from corral.errors import InvalidInput
from corral.ids import time_of
from corral.job.job import NewJob
from corral.maintenance.leadership import Reign
from corral.maintenance.submitting_duty import SubmittingDuty
from corral.settings import Settings
from corral.store import Store
from corral.webhook.event import DELIVERY_TYPE

log = structlog.get_logger(__name__)

AT_ONCE = 500
"""Deliveries of one transaction."""
PER_TURN = 25
"""Jobs that are made before other duties get a turn."""
UPKEEP_SECONDS = 60.0
FORGOTTEN_AT_ONCE = 5_000


class WebhookDuty(SubmittingDuty):
    """The duty that submits a job for each delivery that has none. An installation without webhooks costs one look."""

    name = "webhooks"
    period = 0.5

    def __init__(
        self,
        store: Store,
        dispatch: Dispatch,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(store, dispatch, settings, clock=clock)
        self._upkeep_at = clock()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand over what was submitted; the next leader says what fails."""
        metrics.WEBHOOKS_FAILING.set(0)
        await super().__aexit__(kind, error, trace)

    async def round(self, reign: Reign) -> int:
        """Submit a job for every delivery that waits for one."""
        submitted = 0
        while waiting := await self._store.webhook_deliveries.waiting(AT_ONCE):
            jobs = {}
            for at, (delivery, webhook) in enumerate(waiting):
                jobs[delivery] = await self._job(delivery, webhook)
                if at % PER_TURN == PER_TURN - 1:
                    await asyncio.sleep(0)
            accepted = await self._store.webhook_deliveries.assign(reign.term, jobs)
            taken = {one.id for one in accepted}
            self._submitter.told([job for job in jobs.values() if job.id in taken], accepted)
            now = datetime.now(UTC)
            for delivery, job in jobs.items():
                if job.id in taken:
                    waited = (now - time_of(delivery)).total_seconds()
                    metrics.WEBHOOK_LATENESS.observe(max(0.0, waited))
            submitted += len(accepted)
            if not accepted:
                break
        if self._clock() >= self._upkeep_at:
            self._upkeep_at = self._clock() + UPKEEP_SECONDS
            await self._upkeep(reign)
        return submitted

    async def _job(self, delivery: UUID, webhook: str) -> NewJob:
        """The job that sends a delivery.

        Raises:
            InvalidInput: the job type is not registered, or says other things than it should.
        """
        submission = NewSubmission(
            type=DELIVERY_TYPE,
            payload={"webhook": webhook, "delivery": str(delivery)},
            created_by=f"webhook:{webhook}",
        )
        try:
            return await self._submitter.prepare(submission)
        except InvalidInput as error:
            log.warning("webhook.not_submitted", webhook=webhook, delivery=str(delivery), reason=str(error))
            raise

    async def _upkeep(self, reign: Reign) -> None:
        metrics.WEBHOOKS_OFF.set(await self._store.webhooks.disabled())
        metrics.WEBHOOKS_FAILING.set(await self._store.webhooks.failing_seconds())
        while (
            await self._store.webhook_deliveries.forget(
                reign.term, self._settings.webhook_days, FORGOTTEN_AT_ONCE
            )
            == FORGOTTEN_AT_ONCE
        ):
            pass
