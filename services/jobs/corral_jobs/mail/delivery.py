"""Hands a mail to an SMTP server, recipient by recipient. Source: RFC 5321."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from corral_jobs.mail.message import Composed
from corral_jobs.mail.result import RecipientResult, RecipientStatus
from corral_jobs.mail.server import MailServer

MAX_ANSWER = 500
"""Characters of a server's answer that are kept."""


ANSWER_SECONDS = 120.0
"""How long the server may look at the text before it answers: until then a mail is perhaps sent."""


class MailDeferred(Exception):
    """The server can't take the mail now, or can't be reached: another try may succeed."""


class MailRefused(Exception):
    """The server refused for good; another try would be refused, too."""


class AnswerLost(Exception):
    """The mail is perhaps sent: its text went out, and what the server said of it never came."""


@dataclass(frozen=True, slots=True)
class Offered:
    """The server's answer to the recipients, before the text of the mail is sent."""

    recipients: tuple[RecipientResult, ...]

    @property
    def taken(self) -> bool:
        """Whether it takes the mail for anybody."""
        return any(one.status is RecipientStatus.SENT for one in self.recipients)


@asynccontextmanager
async def conversation(server: MailServer) -> AsyncIterator[SMTP]:
    """A connection, secured and signed in as the server asks.

    Raises:
        MailDeferred: it can't be made now.
        MailRefused: the server refuses the sign-in or the encryption for good.
    """
    smtp = SMTP(
        hostname=server.host,
        port=server.port,
        timeout=server.seconds,
        use_tls=server.security == "tls",
        start_tls=False,  # asked for below, where its absence has a name
    )
    try:
        with _told(server, "does not answer as a mail server does"):
            await smtp.connect()
            await _secure(smtp, server)
        yield smtp
    finally:
        if smtp.is_connected:
            with suppress(SMTPException, OSError):
                await smtp.quit(timeout=2)
        smtp.close()


async def _secure(smtp: SMTP, server: MailServer) -> None:
    """Encrypt the connection and sign in, as the settings ask.

    Raises:
        MailRefused: the server does not know how.
    """
    await smtp.ehlo()
    if server.security == "starttls":
        if not smtp.supports_extension("starttls"):
            raise MailRefused(f"{server.name} offers no STARTTLS; see CORRAL_SMTP_SECURITY")
        await smtp.starttls()
        await smtp.ehlo()
    if server.user is not None:
        if not smtp.supports_extension("auth"):
            raise MailRefused(
                f"{server.name} offers no sign-in; see CORRAL_SMTP_USER and CORRAL_SMTP_SECURITY"
            )
        await smtp.login(server.user, server.password or "")


async def offer(smtp: SMTP, server: MailServer, mail: Composed, recipients: Sequence[str]) -> Offered:
    """Name sender and recipients to the server; what it says of each.

    Raises:
        MailDeferred, MailRefused: it refuses the sender.
    """
    with _told(server, f"refuses the sender {mail.sender}"):
        options = ["SMTPUTF8"] if not all(map(str.isascii, (mail.sender, *recipients))) else []
        if options and not smtp.supports_extension("smtputf8"):
            raise MailRefused(f"{server.name} takes no addresses with other letters than ASCII")
        await smtp.mail(mail.sender, options=options, encoding="utf-8")
    results = []
    for recipient in recipients:
        with _told(server, f"ends the connection at the recipient {recipient}"):
            try:
                await smtp.rcpt(recipient, encoding="utf-8")
            except SMTPRecipientRefused as error:
                status = RecipientStatus.REFUSED if error.code >= 500 else RecipientStatus.DEFERRED
                answer = _short(error.message)
                results.append(
                    RecipientResult(address=recipient, status=status, code=error.code, answer=answer)
                )
            else:
                results.append(RecipientResult(address=recipient, status=RecipientStatus.SENT))
    return Offered(tuple(results))


async def hand_over(smtp: SMTP, server: MailServer, mail: Composed) -> str:
    """Send the text of the mail, after `offer`; the server's answer to it.

    Raises:
        MailDeferred, MailRefused: it refuses the text, so nobody gets it.
        AnswerLost: the connection broke before the answer to the text: the server may have taken it.
    """
    try:
        answer = await smtp.data(mail.content, timeout=max(server.seconds, ANSWER_SECONDS))
    except SMTPResponseException as error:
        raise _refusal(error, f"the mail server {server.name} refuses the mail") from error
    except (SMTPException, OSError) as error:
        said = str(error) or type(error).__name__
        raise AnswerLost(f"the mail server {server.name} gave no answer to the mail: {said}") from error
    return _short(answer.message)


@contextmanager
def _told(server: MailServer, what: str) -> Iterator[None]:
    """Make what the SMTP client raises into what it means for the mail, with the server's words."""
    where = f"the mail server {server.name} {what}"
    try:
        yield
    except SMTPAuthenticationError as error:
        words = f"the mail server {server.name} refuses the sign-in: {error.code} {_short(error.message)}"
        raise (MailRefused if error.code >= 500 else MailDeferred)(words) from error
    except SMTPResponseException as error:
        raise _refusal(error, where) from error
    except (SMTPException, OSError) as error:
        raise MailDeferred(f"{where}: {str(error) or type(error).__name__}") from error


def _refusal(error: SMTPResponseException, where: str) -> MailDeferred | MailRefused:
    kind = MailRefused if error.code >= 500 else MailDeferred
    return kind(f"{where}: {error.code} {_short(error.message)}")


def _short(text: str) -> str:
    return " ".join(text.split())[:MAX_ANSWER]
