"""The job types in the order in which the start page offers them: what people try first, their own, and what Corral submits itself."""

from collections.abc import Iterable
from typing import Final

FIRST: Final = {
    "email.send": "Email",
    "notification.send": "Notification",
    "image.process": "Image",
    "report.generate": "Report",
}
"""Offered before all others, each with a short name."""
BY_CORRAL: Final = frozenset({"area.measure", "feed.fetch", "feed.item", "webhook.deliver"})
"""Types of jobs that Corral submits itself, after another job or an event; offered last."""

Group = tuple[str, tuple[str, ...]]
"""A heading and the names of types below it."""


def grouped(names: Iterable[str]) -> tuple[Group, ...]:
    """The registered types in groups; a group without types is left out."""
    known = set(names)
    first = tuple(name for name in FIRST if name in known)
    others = tuple(sorted(known - FIRST.keys() - BY_CORRAL))
    last = tuple(sorted(known & BY_CORRAL))
    groups = (("To try first", first), ("All others", others), ("Mostly submitted by Corral itself", last))
    return tuple(group for group in groups if group[1])
