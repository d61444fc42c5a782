"""The handler of `email.send`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiosmtplib import SMTP

from corral.context import Context
from corral.errors import Discard, InvalidInput, NotDone, PerhapsDone, Retry
from corral_jobs.mail import delivery, template
from corral_jobs.mail.declaration import send
from corral_jobs.mail.delivered import Delivered
from corral_jobs.mail.delivery import AnswerLost, MailDeferred, MailRefused
from corral_jobs.mail.mail import Mail
from corral_jobs.mail.message import AttachedFile, Composed, Texts, compose
from corral_jobs.mail.result import MailSent, RecipientResult, RecipientStatus
from corral_jobs.mail.server import MailServer, configured


@send.handler
async def do_send(mail: Mail, ctx: Context) -> MailSent:
    """Send the mail to everybody who has not got it in an earlier attempt."""
    server = configured()
    if server is None:
        raise Retry("no mail server is set (CORRAL_SMTP_HOST)", after=60)
    try:
        composed = compose(mail, _texts(mail), await _files(mail, ctx), job=ctx.job_id, sender=server.sender)
    except InvalidInput as error:
        raise Discard(f"the mail can't be made: {error}") from error
    try:
        return await _deliver(composed, server, ctx)
    except MailDeferred as error:
        raise Retry(str(error)) from error
    except MailRefused as error:
        raise Discard(str(error)) from error


async def _deliver(mail: Composed, server: MailServer, ctx: Context) -> MailSent:
    """Hand the mail over; a success only where the server took it for every recipient.

    Raises:
        MailDeferred: another try may reach those who have not got it.
        MailRefused: the server refused somebody for good, and nobody is left to try.
        PerhapsDone: it is perhaps sent, in this attempt or in an earlier one.
    """
    before = Delivered.of(ctx.checkpointed)
    results: tuple[RecipientResult, ...] = ()
    while not results and (missing := [one for one in mail.recipients if one not in before.sent]):
        ctx.progress(10, f"connecting to {server.name}")
        async with delivery.conversation(server) as smtp:
            ctx.progress(40, f"sending to {_count(missing)}")
            offered = await delivery.offer(smtp, server, mail, missing)
            results = offered.recipients
            if offered.taken:
                taken = _addresses(results, RecipientStatus.SENT)
                known, before = await _hand_over(MailTransaction(smtp, server, mail, taken), before, ctx)
                if known:  # an earlier attempt delivered it: what this server said now was of no delivery
                    results = ()
    for one in results:
        if one.status is not RecipientStatus.SENT:
            ctx.log(f"{one.address} is {one.status}: {one.code} {one.answer}")
    _refuse_unless_all(mail, results)
    return MailSent(
        message_id=mail.message_id,
        server=server.name,
        answer=before.answer,
        size_bytes=len(mail.content),
        recipients=[RecipientResult(address=one, status=RecipientStatus.SENT) for one in mail.recipients],
    )


@dataclass(frozen=True, slots=True)
class MailTransaction:
    """A conversation in which sender and recipients are named."""

    smtp: SMTP
    server: MailServer
    mail: Composed
    taken: Sequence[str]
    """The recipients whom the server takes it for."""


async def _hand_over(transaction: MailTransaction, before: Delivered, ctx: Context) -> tuple[bool, Delivered]:
    """Send the text to those whom the server takes it for, once.

    Answers whether an earlier attempt had, and who has got it now.

    Raises:
        MailDeferred, MailRefused: the server takes it for nobody.
        PerhapsDone: nobody knows whether it did.
    """
    fresh = False

    async def send_text() -> dict[str, Any]:
        nonlocal fresh
        fresh = True
        # Whoever settles the effect as done gives no receipt: these are then who got it.
        await ctx.checkpoint(before.offering(transaction.taken).json())
        try:
            return {
                "sent": transaction.taken,
                "answer": await delivery.hand_over(transaction.smtp, transaction.server, transaction.mail),
            }
        except (MailDeferred, MailRefused) as error:
            raise NotDone(str(error)) from error

    effect = f"delivery-{before.deliveries + 1}"
    try:
        receipt = await ctx.once(effect, send_text)
    except NotDone as error:
        raise (error.__cause__ or error) from None
    except AnswerLost as error:
        raise PerhapsDone(
            f"{error}: it is perhaps sent. Find out, then run corral jobs settle {ctx.job_id} {effect} "
            "with --done or --again, and retry the job"
        ) from error
    after = (before.offering(transaction.taken) if fresh else before).delivered(receipt)
    await ctx.checkpoint(after.json())
    return not fresh, after


def _refuse_unless_all(mail: Composed, results: Sequence[RecipientResult]) -> None:
    """A mail that somebody did not get is not sent.

    Raises:
        MailDeferred: the server may take it for them later.
        MailRefused: it will not.
    """
    failed = [one for one in results if one.status is not RecipientStatus.SENT]
    if not failed:
        return
    got = len(mail.recipients) - len(failed)
    words = f"{got} of {_count(mail.recipients)} got it; not {'; '.join(map(str, failed))}"
    if any(one.status is RecipientStatus.DEFERRED for one in failed):
        raise MailDeferred(words)
    raise MailRefused(words)


def _texts(mail: Mail) -> Texts:
    """Subject and bodies, rendered where they are templates.

    Raises:
        InvalidInput: a template is wrong; names the field.
    """
    values = mail.variables
    if values is None:
        return Texts(mail.subject, mail.body, mail.html)
    return Texts(
        template.render("subject", mail.subject, values),
        None if mail.body is None else template.render("body", mail.body, values),
        None if mail.html is None else template.render("html", mail.html, values, html=True),
    )


async def _files(mail: Mail, ctx: Context) -> list[AttachedFile]:
    files = []
    for one in mail.attachments:
        content = await ctx.artifacts.get(one.artifact, job=one.job)
        if content is None:
            raise Discard(f"the job {one.job} has no file {one.artifact!r} to attach")
        files.append(AttachedFile(one.name or one.artifact.rpartition("/")[2], content, one.content_id))
    return files


def _addresses(results: Sequence[RecipientResult], status: RecipientStatus) -> list[str]:
    return [one.address for one in results if one.status is status]


def _count(recipients: Sequence[str]) -> str:
    return "1 recipient" if len(recipients) == 1 else f"{len(recipients)} recipients"
