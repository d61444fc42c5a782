"""Which jobs a list shows: the filter, and what each part of it is as SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from corral.job.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs a list shows. All conditions that are given must hold; without any it shows every job."""

    states: frozenset[State] = frozenset()
    type: str | None = None
    queue: str | None = None
    tag: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    search: Mapping[str, Any] = field(default_factory=dict)
    """Searchable fields of the payload, by name."""
    error_text: str | None = None
    """Part of the error's message or class, in any case."""

    @property
    def wanted_states(self) -> frozenset[State]:
        """The states to look in."""
        if self.states or not self.error_text:
            return self.states or frozenset(State)
        return frozenset(State) - {State.COMPLETED}  # a success clears the error


INDEXED = {"type": "j.type = %(type)s", "queue": "j.queue = %(queue)s"}
"""Conditions that the indexes of lists can tell."""
HELD = {"tag": "j.tags @> ARRAY[%(tag)s::text]", "search": "j.search @> %(search)s::jsonb"}
"""Conditions that have an index of their own, which finds all jobs at once and in no order."""
READ = {
    "created_after": "j.created_at >= %(created_after)s",
    "created_before": "j.created_at < %(created_before)s",
    "error_text": "concat_ws(' ', j.error->>'type', j.error->>'message') ILIKE %(error_text)s",
}
"""Conditions that are seen in the rows alone."""


def conditions(wanted: JobFilter, *kinds: Mapping[str, str]) -> list[str]:
    """Those of these kinds that the filter asks for."""
    return [text for kind in kinds for name, text in kind.items() if getattr(wanted, name)]
