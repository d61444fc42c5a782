"""The texts of notifications: templates rendered, and those of a digest put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corral.errors import FieldError, InvalidInput
from corral_jobs.mail import template
from corral_jobs.mail.mail import MAX_TEXT
from corral_jobs.notification.digest import DigestedNotification, DigestTemplates
from corral_jobs.notification.notification import Notification

BETWEEN = "\n\n"
"""Between two notifications of a digest without a template."""


@dataclass(frozen=True, slots=True)
class Item:
    """One notification as it is said."""

    title: str
    message: str
    data: dict[str, Any] | None

    @property
    def json(self) -> dict[str, Any]:
        """As templates and programs read it."""
        return {"title": self.title, "message": self.message, "data": self.data}


def item_of(notification: Notification | DigestedNotification) -> Item:
    """One notification with its templates rendered.

    Raises:
        InvalidInput: a template is wrong; names the field.
    """
    values, title = notification.variables, notification.title or ""
    if values is None:
        return Item(title, notification.message, notification.data)
    return Item(
        _line(template.render("title", title, values)),
        template.render("message", notification.message, values),
        notification.data,
    )


def digest_of(items: Sequence[Item], templates: DigestTemplates, to: str) -> tuple[str, str]:
    """Title and message of a digest. One notification without templates is said as if it were no digest.

    Raises:
        InvalidInput: a template is wrong or makes too much; names the field.
    """
    values = {"items": [item.json for item in items], "count": len(items), "to": to}
    if templates.title is not None:
        title = _line(template.render("digest/title", templates.title, values))
    else:
        title = items[0].title if len(items) == 1 else f"{len(items)} notifications"
    if templates.message is not None:
        message = template.render("digest/message", templates.message, values)
    elif len(items) == 1:
        message = items[0].message
    else:
        message = BETWEEN.join(_paragraph(item) for item in items)
    if len(message) > MAX_TEXT:
        reason = (
            f"the message of {len(items)} has {len(message):,} characters; a mail has at most {MAX_TEXT:,}"
        )
        raise InvalidInput(FieldError("/digest/message", reason))
    return title, message


def _paragraph(item: Item) -> str:
    return f"{item.title}\n{item.message}" if item.title else item.message


def _line(text: str) -> str:
    return " ".join(text.split())
