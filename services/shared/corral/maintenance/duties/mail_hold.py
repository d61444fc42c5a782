"""Holds mails while no mail server is set: they wait, instead of failing, and no pool starts workers for them."""

import structlog

from corral.dispatch import Dispatch
from corral.dispatch.event import QueueChanged
from corral.job.mail_hold import HOLDER, JOB_TYPE, QUEUE
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.store import Store

log = structlog.get_logger(__name__)


class MailHold(Duty):
    """The duty that pauses the queue of mails while there is no mail server, and lifts that pause, and no other, afterwards.

    A queue that other job types use too is left alone: without a mail server no worker claims mails, and the
    others go on.
    """

    name = "mail-hold"
    period = 5.0

    def __init__(self, store: Store, dispatch: Dispatch, *, sends: bool) -> None:
        """`sends`: whether there is a mail server."""
        self._store = store
        self._dispatch = dispatch
        self._sends = sends
        self._version: str | None = None
        self._alone = False
        """Whether the queue is for mails alone, as the types of that version say."""

    async def round(self, reign: Reign) -> int:  # noqa: ARG002  pausing twice does no harm
        """Hold or lift, where the queue is not as it should be."""
        queue = await self._store.queues.get(QUEUE)
        if queue is None:
            return 0
        if self._sends or not await self._holds_mails_alone():
            if queue.paused_by != HOLDER or not await self._store.queues.lift(QUEUE, HOLDER):
                return 0
            await self._dispatch.hints.unpause([QUEUE])
            log.info("mail.released")
        elif not queue.paused:
            await self._store.queues.pause(QUEUE, HOLDER)
            log.info("mail.held", hint="set CORRAL_SMTP_HOST")
        else:
            return 0
        await self._dispatch.events.publish(QueueChanged(QUEUE))
        return 1

    async def _holds_mails_alone(self) -> bool:
        """Whether the queue is for mails, and for no job of another type."""
        version = await self._store.types.version()
        if version != self._version:
            types = {
                record.name
                for record in await self._store.types.all()
                if QUEUE in {record.parsed_options.queue, *record.parsed_options.queues}
            }
            self._version, self._alone = version, types == {JOB_TYPE}
        return self._alone
