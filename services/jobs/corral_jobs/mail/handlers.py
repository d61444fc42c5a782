"""The handler of `email.send`."""

from collections.abc import Sequence

from corral.context import Context
from corral.errors import Discard, InvalidInput, Retry
from corral_jobs.mail import delivery, template
from corral_jobs.mail.declaration import send
from corral_jobs.mail.delivery import MailDeferred, MailRefused
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
    """
    before = ctx.checkpointed or {"sent": [], "answer": ""}
    missing = [one for one in mail.recipients if one not in before["sent"]]
    answer: str = before["answer"]
    results: tuple[RecipientResult, ...] = ()
    if missing:
        ctx.progress(10, f"connecting to {server.name}")
        async with delivery.conversation(server) as smtp:
            ctx.progress(40, f"sending to {_count(missing)}")
            accepted = await delivery.offer(smtp, server, mail, missing)
            results = accepted.recipients
            if accepted.taken:
                answer = await delivery.hand_over(smtp, server, mail)
                sent = [*before["sent"], *_addresses(results, RecipientStatus.SENT)]
                await ctx.checkpoint({"sent": sent, "answer": answer})
    for one in results:
        if one.status is not RecipientStatus.SENT:
            ctx.log(f"{one.address} is {one.status}: {one.code} {one.answer}")
    _refuse_unless_all(mail, results)
    return MailSent(
        message_id=mail.message_id,
        server=server.name,
        answer=answer,
        size_bytes=len(mail.content),
        recipients=[RecipientResult(address=one, status=RecipientStatus.SENT) for one in mail.recipients],
    )


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
