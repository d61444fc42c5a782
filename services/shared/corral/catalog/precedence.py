"""Whose word counts for an option that a submission leaves open, and who said it.

An operator's override for the job type, then one for its queue, then what the job type's declaration says, then the
queue's defaults (an operator's before those that code declares), then the installation's (CORRAL_DEFAULT_…), then
Corral's own. A submission goes before them all. Limits are added up: a job takes those of its type and its queue.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from corral.catalog.options_json import BATCH, drop_unfit, option_from_json, overridden
from corral.job.options import Options

NOTHING: Mapping[str, Any] = MappingProxyType({})
SETTABLE = frozenset(
    {
        "priority",
        "retries",
        "backoff",
        "timeout",
        "delay",
        "expires_in",
        "max_stalls",
        "keep_finished",
        "keep_failed",
    }
)
"""What can be said for a queue and for an installation; the rest belongs to the job type."""
LIMITS = "limits"
OF_QUEUE = SETTABLE | {LIMITS}
"""What an operator can set for a queue."""
OF_TYPE = frozenset(Options.__dataclass_fields__) - {"executor"}
"""What an operator can set for a job type: where its handler runs is written in the handler."""


class Source(StrEnum):
    """Where the value of an option comes from: operator, declaration, queue, installation or Corral's default."""

    OVERRIDE = "override"
    """An operator, for the job type or for its queue."""
    TYPE = "type"
    """The job type's declaration."""
    QUEUE = "queue"
    """The queue, where the job type says nothing: an operator for it, or its declaration."""
    INSTALLATION = "installation"
    """A setting of the installation."""
    DEFAULT = "default"
    """Corral."""


@dataclass(frozen=True, slots=True)
class QueueOverrides:
    """What an operator has set for a queue, and what code declares for it, as JSON by option."""

    overrides: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    """What code declares for it."""


PLAIN = QueueOverrides()
"""A queue for which nobody set anything."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The final options of a job type in one queue, with the source of each."""

    options: Options
    sources: Mapping[str, Source]
    unread: tuple[str, ...] = ()
    """Values that can't be read, and why: who said less counts for them."""


def settle(
    declared: Mapping[str, Any],
    queue: QueueOverrides,
    installation: Mapping[str, Any],
    overrides: Mapping[str, Any] = NOTHING,
) -> Settled:
    """Every option's value and source. All are JSON by option; `declared` and `overrides` are a `TypeRecord`'s."""
    values: dict[str, Any] = {}
    sources = dict.fromkeys(Options.__dataclass_fields__, Source.DEFAULT)
    unread: list[str] = []
    limits: dict[bool, tuple[str, ...]] = {}
    for source, said, known in _layers(declared, queue, installation, overrides):
        for option, value in said.items():
            if option not in known:
                continue
            try:
                values[option], sources[option] = option_from_json(option, value), source
            except ValueError as error:
                unread.append(f"{source}: {error}")
                continue
            if option == LIMITS:
                limits[said is declared or said is overrides] = values[option]
    if limits:
        values[LIMITS] = tuple(dict.fromkeys((*limits.get(True, ()), *limits.get(False, ()))))
    if (unfit := drop_unfit(values)) is not None:
        unread.append(f"{sources.pop('memory_limit')}: {unfit}")
    return Settled(Options(**values), sources, tuple(unread))


def _layers(
    declared: Mapping[str, Any],
    queue: QueueOverrides,
    installation: Mapping[str, Any],
    overrides: Mapping[str, Any],
) -> Iterator[tuple[Source, Mapping[str, Any], Collection[str]]]:
    """The sources of options with their values and what each may say, the weakest first."""
    yield Source.INSTALLATION, installation, SETTABLE
    yield Source.QUEUE, queue.declared, OF_QUEUE
    yield Source.QUEUE, queue.defaults, OF_QUEUE
    yield Source.TYPE, declared, Options.__dataclass_fields__
    yield Source.OVERRIDE, queue.overrides, OF_QUEUE
    yield Source.OVERRIDE, _batch_whole(declared, overrides), OF_TYPE


def _batch_whole(declared: Mapping[str, Any], overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an operator set, with the declared parts of a batch beside those that are set."""
    if BATCH not in overrides:
        return overrides
    return {**overrides, BATCH: overridden(declared, overrides)[BATCH]}
