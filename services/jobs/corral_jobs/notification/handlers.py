"""The handler of `notification.send`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from corral.context import Context
from corral.errors import Discard, InvalidInput, Retry
from corral.ids import time_of
from corral.webhook.delivery import WebhookTarget
from corral.webhook.webhook import WebhookFormat
from corral_jobs.mail import server, template
from corral_jobs.mail.declaration import EMAIL
from corral_jobs.notification.declaration import notify
from corral_jobs.notification.notification import GaveUp, Notification, NotificationSent
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
    """The texts as they are sent: templates are rendered."""

    title: str
    message: str
    data: dict[str, Any] | None


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


@notify.handler
async def do_notify(notification: Notification, ctx: Context) -> NotificationSent:
    """Tell the first who takes it. Templates are rendered before anything is sent, so that a wrong one tells nobody."""
    try:
        said = _said(notification)
    except InvalidInput as error:
        raise Discard(f"the notification can't be made: {error}") from error
    tried, targets = Tried.of(ctx.checkpointed), notification.targets
    while tried.at < len(targets):
        to = targets[tried.at]
        last = tried.at == len(targets) - 1
        if "@" in to:
            if last or server.configured() is not None:  # the last one waits for a server, as every mail does
                return await _mailed(to, said, tried, ctx)
            tried = tried.following(to, "no mail server is set (CORRAL_SMTP_HOST)")
            continue
        target = await ctx.webhooks.target(to)
        if target is None or not target.enabled:
            tried = tried.following(to, _missing(to, target))
            continue
        answer = await _posted(target, said, ctx)
        if answer.error is None:
            return NotificationSent(
                to=to, via=target.format.value, status=answer.status, gave_up=_told(tried.gave_up)
            )
        tried = replace(tried, tries=tried.tries + 1)
        ctx.log(f"{to} did not take it: {answer.error}")
        if _may_succeed(answer) and tried.tries < notification.tries and ctx.retries_left:
            await ctx.checkpoint(tried.json())
            raise Retry(f"{to} did not take it: {answer.error}", after=_wait(answer, tried.tries))
        tried = tried.following(to, answer.error)
        await ctx.checkpoint(tried.json())
    raise Discard(f"nobody took it: {'; '.join(f'{to}: {reason}' for to, reason in tried.gave_up)}")


def _said(notification: Notification) -> Said:
    """The texts.

    Raises:
        InvalidInput: a template is wrong; names the field.
    """
    values, title = notification.variables, notification.title or ""
    if values is None:
        return Said(title, notification.message, notification.data)
    return Said(
        " ".join(template.render("title", title, values).split()),
        template.render("message", notification.message, values),
        notification.data,
    )


async def _posted(target: WebhookTarget, said: Said, ctx: Context) -> EndpointAnswer:
    message_id, content = str(ctx.job_id), written(_message(target.format, said, ctx))
    signed = target.format.signed
    headers = headers_of(target.secrets, message_id, content) if signed else plain_headers(message_id)
    return await post(ctx.outgoing, target.url, content, headers)


def _message(format: WebhookFormat, said: Said, ctx: Context) -> dict[str, Any]:  # noqa: A002  the domain's word
    """The message in the form that the other side reads; the same in every attempt."""
    match format:
        case WebhookFormat.STANDARD:
            data = {"title": said.title, "message": said.message, "data": said.data}
            return {"type": "notification", "timestamp": time_of(ctx.job_id).isoformat(), "data": data}
        case WebhookFormat.SLACK:
            return slack(f"{said.title}\n{said.message}" if said.title else said.message)
        case WebhookFormat.TEAMS:
            return teams(said.message, said.title)


async def _mailed(to: str, said: Said, tried: Tried, ctx: Context) -> NotificationSent:
    """Announce a mail, which is stored exactly if this attempt succeeds, and is sent as every mail is."""
    first, *_ = [*said.message.splitlines(), ""]
    subject = (said.title or first)[:MAX_SUBJECT] or "Notification"
    mail = {"to": to, "subject": _on_one_line(subject), "body": said.message}
    job = await ctx.then(EMAIL, mail)
    return NotificationSent(to=to, via="email", email=job, gave_up=_told(tried.gave_up))


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
