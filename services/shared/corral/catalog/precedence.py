"""Whose word counts for an option that a submission leaves open, and who said it.

An operator's override for the queue, then what the job type's declaration says, then the queue's defaults,
then the installation's (CORRAL_DEFAULT_…), then Corral's own. A submission goes before them all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from corral.catalog.record import options_from_json
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
    """Who said an option's value."""

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
class QueueOptions:
    """What an operator has set for a queue, as JSON by option."""

    overrides: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


PLAIN = QueueOptions()
"""A queue for which nobody set anything."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The options of a job type in one queue, and who said each."""

    options: Options
    sources: Mapping[str, Source]


def settle(declared: Mapping[str, Any], queue: QueueOptions, installation: Mapping[str, Any]) -> Settled:
    """Every option's value and source. All three are JSON by option; `declared` is a `TypeRecord`'s."""
    values: dict[str, Any] = {}
    sources = dict.fromkeys(Options.__dataclass_fields__, Source.DEFAULT)
    for source, said in _layers(declared, queue, installation):
        for option, value in said.items():
            if option in sources and (source is Source.TYPE or option in SETTABLE):
                values[option], sources[option] = value, source
    return Settled(options_from_json(values), sources)


def _layers(
    declared: Mapping[str, Any], queue: QueueOptions, installation: Mapping[str, Any]
) -> Iterator[tuple[Source, Mapping[str, Any]]]:
    """Each goes before the ones above it."""
    yield Source.INSTALLATION, installation
    yield Source.QUEUE, queue.defaults
    yield Source.TYPE, declared
    yield Source.OVERRIDE, queue.overrides
