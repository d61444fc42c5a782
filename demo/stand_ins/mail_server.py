"""A mail server that keeps each mail as a file. It refuses refused@… for good, and deferred@… the first time."""

import asyncio
import itertools
import signal
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

MAX_BYTES = 33_554_432


class Mailbox:
    """Answers the server's conversation. A file's first line is the mail's recipients, the rest the mail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._deferred: set[str] = set()

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or refuse it by its name."""
        if address.startswith("refused@"):
            return "550 5.1.1 No such user here"
        if address.startswith("deferred@") and address not in self._deferred:
            self._deferred.add(address)
            return "451 4.7.1 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail; the file appears whole."""
        number = next(self._numbers)
        file = self._folder / f"{number:06}.eml"
        text = " ".join(envelope.rcpt_tos).encode() + b"\n" + (envelope.original_content or b"")
        part = file.with_suffix(".part")
        await asyncio.to_thread(part.write_bytes, text)
        part.rename(file)
        return f"250 2.0.0 Ok: queued as {number}"


async def serve(folder: Path) -> None:
    """Serve until told to end."""
    mailbox, stop = Mailbox(folder), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(
        lambda: SMTP(mailbox, data_size_limit=MAX_BYTES, enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
