"""The mail that says that a report is ready, with a link that downloads it without signing in."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from corral_jobs.report.result import DownloadLink, Report


@dataclass(frozen=True, slots=True)
class Announcement:
    """The mail, and what the report keeps of its link."""

    mail: dict[str, Any]
    """The payload of `email.send`."""
    link: DownloadLink


def announce(report: Report, title: str, *, to: str, job: UUID, base_url: str, hours: float) -> Announcement:
    """Write the mail for a report.

    The link's secret is random and stands in the mail alone; the report keeps its SHA-256, so that a link is good for
    this report and this life of it, and no key has to be shared or rotated. `hours` is how long it is good.
    """
    secret = secrets.token_urlsafe(32)
    expires = datetime.now(UTC) + timedelta(hours=hours)
    url = f"{base_url}/reports/{job}/download?token={secret}"
    pages = f"{report.pages:,} page{'' if report.pages == 1 else 's'}"
    until = f"{expires:%d %B %Y, %H:%M} UTC"
    return Announcement(
        mail={
            "to": to,
            "subject": "Your report is ready: {{ title }}",
            "body": "The report “{{ title }}” is ready ({{ pages }}).\n\n"
            "Download it: {{ url }}\n\nThe link is good until {{ until }}.\n",
            "html": "<p>The report “{{ title }}” is ready ({{ pages }}).</p>"
            '<p><a href="{{ url }}">Download it</a></p><p>The link is good until {{ until }}.</p>',
            "variables": {"title": title, "pages": pages, "url": url, "until": until},
        },
        link=DownloadLink(sha256=hashlib.sha256(secret.encode()).hexdigest(), expires_at=expires),
    )
