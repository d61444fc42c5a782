"""Whose word counts for an option that a submission leaves open, and who said it.

An operator's override for the queue, then what the job type's declaration says, then the queue's defaults,
then the installation's (CORRAL_DEFAULT_…), then Corral's own. A submission goes before them all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from corral.catalog.options_json import option_from_json
from corral.job.options import Options

SETTABLE = frozenset(
    {
        "priority",
        "retries",
        "timeout",
        "delay",
        "expires_in",
        "max_stalls",
        "keep_finished",
        "keep_failed",
    }
)
"""What can be said for a queue and for an installation; the rest belongs to the job type."""


class Source(StrEnum):
    """Where the value of an option comes from: operator, declaration, queue, installation or Corral's default."""

    OVERRIDE = "override"
    """An operator, for the queue, in place of the job type."""
    TYPE = "type"
    """The job type's declaration."""
    QUEUE = "queue"
    """An operator, for the queue, where the job type says nothing."""
    INSTALLATION = "installation"
    """A setting of the installation."""
    DEFAULT = "default"
    """Corral."""


@dataclass(frozen=True, slots=True)
class QueueOverrides:
    """What an operator has set for a queue, as JSON by option."""

    overrides: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


PLAIN = QueueOverrides()
"""A queue for which nobody set anything."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The final options of a job type in one queue, with the source of each."""

    options: Options
    sources: Mapping[str, Source]
    unread: tuple[str, ...] = ()
    """Values that can't be read, and why: who said less counts for them."""


def settle(declared: Mapping[str, Any], queue: QueueOverrides, installation: Mapping[str, Any]) -> Settled:
    """Every option's value and source. All three are JSON by option; `declared` is a `TypeRecord`'s."""
    values: dict[str, Any] = {}
    sources = dict.fromkeys(Options.__dataclass_fields__, Source.DEFAULT)
    unread: list[str] = []
    for source, said in _layers(declared, queue, installation):
        for option, value in said.items():
            if option not in sources or not (source is Source.TYPE or option in SETTABLE):
                continue
            try:
                values[option], sources[option] = option_from_json(option, value), source
            except ValueError as error:
                unread.append(f"{source}: {error}")
    return Settled(Options(**values), sources, tuple(unread))


def _layers(
    declared: Mapping[str, Any], queue: QueueOverrides, installation: Mapping[str, Any]
) -> Iterator[tuple[Source, Mapping[str, Any]]]:
    """The sources of options with their values, the weakest first."""
    yield Source.INSTALLATION, installation
    yield Source.QUEUE, queue.defaults
    yield Source.TYPE, declared
    yield Source.OVERRIDE, queue.overrides
