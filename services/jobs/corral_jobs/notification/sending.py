"""Sends one text: to the first that takes it, by webhook, Slack, Teams or mail."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from corral.context import Context
from corral.errors import Discard, Retry
from corral.webhook.delivery import WebhookTarget
from corral.webhook.webhook import WebhookFormat
from corral_jobs.mail import server
from corral_jobs.mail.declaration import EMAIL
from corral_jobs.notification.notification import GaveUp, NotificationSent
from corral_jobs.webhook.message import headers_of, plain_headers, slack, teams, written
from corral_jobs.webhook.request import EndpointAnswer, post

TRY_AGAIN = frozenset({408, 425, 429})
"""Statuses below 500 after which another try may succeed: too slow, too early, too many."""
FIRST_WAIT, FACTOR, LONGEST_WAIT = 5.0, 3.0, 600.0
"""Seconds between two tries of one webhook: 5, 15, 45, 135."""
MAX_SUBJECT = 200
MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Said:
    """One text as it is sent: templates are rendered."""

    id: str
    """The `webhook-id`: the same in every attempt, so that a receiver knows what it has got already."""
    at: datetime
    title: str
    message: str
    data: dict[str, Any]
    """What a program that reads a signed webhook gets beside title and message."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Who was tried, from one attempt of the job to the next."""

    at: int = 0
    """Which of the targets is tried now."""
    tries: int = 0
    """How often it was tried."""
    gave_up: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def of(cls, checkpointed: Any) -> Self:
        """What an earlier attempt left."""
        known = checkpointed or {}
        gave_up = tuple((to, reason) for to, reason in known.get("gave_up", ()))
        return cls(known.get("at", 0), known.get("tries", 0), gave_up)

    def json(self) -> dict[str, Any]:
        """As it is stored."""
        return {"at": self.at, "tries": self.tries, "gave_up": [list(one) for one in self.gave_up]}

    def following(self, to: str, reason: str) -> Self:
        """The same with the next target, after this one did not take it."""
        gave_up = (*self.gave_up, (to, reason[:MAX_REASON]))
        return replace(self, at=self.at + 1, tries=0, gave_up=gave_up)


class Sending:
    """Sends one text for the jobs that it is made of, most often one."""

    def __init__(self, contexts: Sequence[Context], targets: Sequence[str], tries: int) -> None:
        self._contexts = contexts
        self._targets = targets
        self._tries = tries
        self.announcer: Context | None = None
        """The context of the job that announces the mail: the mail exists if that job succeeds."""

    @property
    def _wanted(self) -> Sequence[Context]:
        """The contexts that still take something: a job that was told to stop takes nothing more."""
        return [ctx for ctx in self._contexts if not ctx.cancelled] or self._contexts

    async def send(self, said: Said, tried: Tried) -> NotificationSent:
        """Tell the first who takes it.

        Raises:
            Retry: one can't take it now; it is to be sent again.
            Discard: nobody took it.
        """
        while tried.at < len(self._targets):
            to = self._targets[tried.at]
            last = tried.at == len(self._targets) - 1
            if "@" in to:
                if (
                    last or server.configured() is not None
                ):  # the last one waits for a server, as every mail does
                    return await self._mailed(to, said, tried)
                tried = tried.following(to, "no mail server is set (CORRAL_SMTP_HOST)")
                continue
            target = await self._contexts[0].webhooks.target(to)
            if target is None or not target.enabled:
                tried = tried.following(to, _missing(to, target))
                continue
            answer = await self._posted(target, said)
            if answer.error is None:
                gave_up = _told(tried.gave_up)
                return NotificationSent(to=to, via=target.format.value, status=answer.status, gave_up=gave_up)
            tried = await self._refused(to, answer, tried)
        raise Discard(f"nobody took it: {'; '.join(f'{to}: {reason}' for to, reason in tried.gave_up)}")

    async def _refused(self, to: str, answer: EndpointAnswer, tried: Tried) -> Tried:
        """Where to go on after one did not take it. Raises Retry where it is the same one."""
        tried = replace(tried, tries=tried.tries + 1)
        assert answer.error is not None
        for ctx in self._wanted:
            ctx.log(f"{to} did not take it: {answer.error}")
        retries_left = min(ctx.retries_left for ctx in self._contexts)
        if _may_succeed(answer) and tried.tries < self._tries and retries_left:
            await self._keep(tried)
            raise Retry(f"{to} did not take it: {answer.error}", after=_wait(answer, tried.tries))
        tried = tried.following(to, answer.error)
        await self._keep(tried)
        return tried

    async def _keep(self, tried: Tried) -> None:
        for ctx in self._wanted:
            await ctx.checkpoint(tried.json())

    async def _posted(self, target: WebhookTarget, said: Said) -> EndpointAnswer:
        content = written(_message(target.format, said))
        signed = target.format.signed
        headers = headers_of(target.secrets, said.id, content) if signed else plain_headers(said.id)
        return await post(self._contexts[0].outgoing, target.url, content, headers)

    async def _mailed(self, to: str, said: Said, tried: Tried) -> NotificationSent:
        """Announce a mail, which is stored exactly if this attempt succeeds, and is sent as every mail is."""
        first, *_ = [*said.message.splitlines(), ""]
        subject = (said.title or first)[:MAX_SUBJECT] or "Notification"
        mail = {"to": to, "subject": _on_one_line(subject), "body": said.message}
        self.announcer = self._wanted[0]
        job = await self.announcer.then(EMAIL, mail)
        return NotificationSent(to=to, via="email", email=job, gave_up=_told(tried.gave_up))


def _message(format: WebhookFormat, said: Said) -> dict[str, Any]:  # noqa: A002  the domain's word
    """The message in the form that the other side reads; the same in every attempt."""
    match format:
        case WebhookFormat.STANDARD:
            data = {"title": said.title, "message": said.message, **said.data}
            return {"type": "notification", "timestamp": said.at.isoformat(), "data": data}
        case WebhookFormat.SLACK:
            return slack(f"{said.title}\n{said.message}" if said.title else said.message)
        case WebhookFormat.TEAMS:
            return teams(said.message, said.title)


def _on_one_line(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)


def _may_succeed(answer: EndpointAnswer) -> bool:
    """Whether another try may succeed: there was no answer, or one that says so."""
    if answer.refused:
        return False
    return answer.status is None or answer.status in TRY_AGAIN or answer.status >= 500


def _wait(answer: EndpointAnswer, tries: int) -> float:
    planned = min(FIRST_WAIT * FACTOR ** (tries - 1), LONGEST_WAIT)
    return max(planned, answer.retry_after or 0.0)


def _missing(to: str, target: WebhookTarget | None) -> str:
    if target is None:
        return f"there is no webhook {to}"
    return f"the webhook is disabled: {target.disabled_reason or 'no reason was given'}"


def _told(gave_up: Sequence[tuple[str, str]]) -> list[GaveUp]:
    return [GaveUp(to=to, reason=reason) for to, reason in gave_up]
