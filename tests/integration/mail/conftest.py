"""A real SMTP server in this process, which answers as a test tells it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from corral_jobs.mail import handlers
from corral_jobs.mail.server import MailServer, Security


@dataclass
class Inbox:
    """What the server was given, and what it is to say."""

    mails: list[Envelope] = field(default_factory=list)
    recipients: dict[str, str] = field(default_factory=dict)
    """Its answer to a recipient, where that is not the usual one."""
    sender: str | None = None
    data: list[str] = field(default_factory=list)
    """Its answers to the next mails; afterwards it takes them."""
    signed_in: list[str] = field(default_factory=list)
    hang_up: bool = False
    """Whether it takes the next mail and breaks the connection before it says so."""

    async def handle_MAIL(  # noqa: N802  aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sender is not None:
            return self.sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.recipients.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.hang_up:
            self.hang_up = False
            self.mails.append(envelope)
            assert server.transport is not None
            server.transport.abort()
            return "250 OK"
        answer = self.data.pop(0) if self.data else "250 2.0.0 Ok: queued as 4711"
        if answer.startswith("250"):
            self.mails.append(envelope)
        return answer

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:  # fmt: skip
        assert isinstance(data, LoginPassword)
        self.signed_in.append(data.login.decode())
        return AuthResult(success=data.password == b"right", handled=False)


StartServer = Callable[..., Awaitable[MailServer]]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def start_server(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[StartServer]:
    """Starts the server; the handler sends through it from then on."""
    running: list[asyncio.Server] = []

    async def start(
        security: Security = "none", *, user: str | None = None, password: str = "right"
    ) -> MailServer:
        keywords: dict[str, Any] = {"enable_SMTPUTF8": True}
        context = _certificate(tmp_path, monkeypatch) if security != "none" else None
        if security == "starttls":
            keywords |= {"tls_context": context, "require_starttls": True}
        if user is not None:
            keywords |= {"authenticator": inbox.authenticate, "auth_require_tls": False}
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(inbox, **keywords), "127.0.0.1", 0, ssl=context if security == "tls" else None
        )
        running.append(server)
        named = MailServer(
            host="localhost" if security != "none" else "127.0.0.1",
            port=server.sockets[0].getsockname()[1],
            security=security,
            user=user,
            password=password if user else None,
            sender="Corral <corral@example.com>",
            seconds=10,
        )
        monkeypatch.setattr(handlers, "configured", lambda: named)
        return named

    yield start
    for server in running:
        server.close()


def _certificate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context
