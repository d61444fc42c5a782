"""The mail sink: an SMTP server that keeps every mail for the page of mails and sends none on.

`python -m corral_publisher.mail_sink`, for development and tests.
"""

import argparse
import asyncio
import signal
import socket
from collections.abc import Sequence

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from corral import logs
from corral.errors import CorralError, SchemaMismatch
from corral.process.startup import prepare
from corral.process.status_server import listen
from corral.settings import Settings
from corral.store import Store

log = structlog.get_logger(__name__)

MAX_BYTES = 33_554_432
"""Of one mail."""


class SinkHandler:
    """Keeps what the SMTP server hears."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        """Keep a mail; where it can't be kept, its sender is told to come back."""
        source = envelope.original_content or b""
        try:
            mail = await self._store.sink_mails.add(envelope.mail_from or "", envelope.rcpt_tos, source)
        except CorralError as error:
            log.warning("mail_sink.refused", error=str(error))
            return "451 4.3.0 The mail can't be kept now"
        log.info("mail_sink.kept", mail=str(mail), recipients=len(envelope.rcpt_tos), size=len(source))
        return f"250 2.0.0 Kept as {mail}"


async def serve_sink(listener: socket.socket, store: Store) -> asyncio.Server:
    """Start to take mails on a listening socket."""
    handler = SinkHandler(store)
    return await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, data_size_limit=MAX_BYTES, enable_SMTPUTF8=True, ident="Corral mail sink"),
        sock=listener,
    )


async def _run(settings: Settings, listener: socket.socket) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    store = Store.from_settings(settings, application_name="corral mail sink", pool_size=2)
    try:
        if not await store.schema.wait_until_it_fits(stop, _waiting):
            return
        server = await serve_sink(listener, store)
        log.info("mail_sink.ready", port=listener.getsockname()[1])
        await stop.wait()
        server.close()
    finally:
        await store.close()


def _waiting(error: CorralError) -> None:
    log.warning("mail_sink.waiting", reason=str(error))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; the exit code."""
    parser = argparse.ArgumentParser(
        prog="corral_publisher.mail_sink", description="Keeps mails, sends none."
    )
    parser.add_argument(
        "--bind",
        metavar="fd://N",
        help="take mails on a listening socket that was inherited under this number",
    )
    bind = parser.parse_args(arguments).bind
    settings = Settings.load_or_exit()
    logs.configure(settings.log_level, settings.log_format)
    if bind is not None:
        listener = socket.socket(fileno=int(bind.removeprefix("fd://")))
    else:
        listener = listen(settings.mail_sink_host, settings.mail_sink_port)
    try:
        asyncio.run(_run(settings, listener))
    except SchemaMismatch as error:
        log.error("mail_sink.refused_to_start", reason=str(error))  # noqa: TRY400  the reason is enough
        return 3
    return 0


if __name__ == "__main__":
    prepare()
    raise SystemExit(main())
