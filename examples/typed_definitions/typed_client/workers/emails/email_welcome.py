"""The handler of email.welcome. `corral codegen` wrote it once; it is yours now."""

import asyncio
import os
import smtplib
from email.message import EmailMessage
from pathlib import Path

from corral.context import Context
from definitions import Sent, SignUp, send_welcome

__all__ = ["handle_email_welcome", "send_welcome"]

GREETINGS = {"de": "Willkommen", "en": "Welcome", "fr": "Bienvenue"}


@send_welcome.handler
async def handle_email_welcome(payload: SignUp, ctx: Context) -> Sent:
    """Send the e-mail to the server in SMTP_HOST; without one, put it into the folder `outbox`."""
    message = EmailMessage()
    message["To"], message["From"] = payload.to, os.environ.get("EMAIL_FROM", "hello@example.com")
    message["Subject"] = f"{GREETINGS[payload.language]}, {payload.name}!"
    message.set_content(f"{message['Subject']}\n\nYour account is ready.")
    ctx.progress(50, "sending")
    await asyncio.to_thread(_send, message, f"{ctx.job_id}.eml")
    return Sent(to=payload.to, subject=message["Subject"])


def _send(message: EmailMessage, name: str) -> None:
    if host := os.environ.get("SMTP_HOST"):
        with smtplib.SMTP(host, int(os.environ.get("SMTP_PORT", "25")), timeout=30) as server:
            server.send_message(message)
        return
    outbox = Path(os.environ.get("OUTBOX", "outbox"))
    outbox.mkdir(exist_ok=True)
    (outbox / name).write_bytes(bytes(message))
