"""A registered job type, ready to check submissions with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import structlog

from corral import metrics
from corral.catalog.batch_key import BatchKeys
from corral.catalog.limits.evaluation import LimitEvaluation, LimitValues
from corral.catalog.payloads.field import NoSuchField
from corral.catalog.payloads.validation import Validator
from corral.catalog.precedence import PLAIN, QueueOverrides, settle
from corral.catalog.record import TypeRecord
from corral.catalog.unique import UniqueEvaluation
from corral.errors import FieldError, InvalidInput
from corral.job.limit_use import LimitUse
from corral.job.options import Options

log = structlog.get_logger(__name__)

NAMED = 10
"""Known limits that are named to somebody who asked for an unknown one."""


@dataclass(frozen=True, slots=True)
class KnownType:
    """A registered job type, ready to check submissions with."""

    record: TypeRecord
    by_queue: Mapping[str, Options]
    """Its options in each queue that it allows, settled."""
    validator: Validator
    limits: Mapping[str, LimitValues] = field(default_factory=dict)
    """Every registered limit, by name."""
    uniqueness: Mapping[str, UniqueEvaluation] = field(default_factory=dict)
    """What makes the keys of its unique jobs, in each queue where they are."""
    evaluations: dict[tuple[str, ...], LimitEvaluation] = field(default_factory=dict)
    """What was compiled, by the names of the limits."""
    batch_keys: dict[str | None, BatchKeys] = field(default_factory=dict)
    """The same for batches, by the field that they look at."""

    @classmethod
    def of(
        cls,
        record: TypeRecord,
        queues: Mapping[str, QueueOverrides],
        installation: Mapping[str, Any],
        validator: Validator | None = None,
        limits: Mapping[str, LimitValues] | None = None,
    ) -> Self:
        """The registered type with the options that queues and the installation set; `validator` is one of the same record."""
        declared = record.parsed_options
        by_queue: dict[str, Options] = {}
        uniqueness: dict[str, UniqueEvaluation] = {}
        for queue in {declared.queue, *declared.queues}:
            settled = settle(record.options, queues.get(queue, PLAIN), installation, record.overrides)
            by_queue[queue] = settled.options
            for unread in settled.unread:
                metrics.SWALLOWED.labels("known-types").inc()
                log.warning("types.option_unreadable", type=record.name, queue=queue, option=unread)
            if settled.options.unique is not None:
                uniqueness[queue] = UniqueEvaluation(settled.options.unique, record.payload_schema)
        return cls(record, by_queue, validator or Validator(record), limits or {}, uniqueness)

    def uses(self, queue: str, payload: Any, further: tuple[str, ...] = ()) -> list[LimitUse]:
        """What a payload takes of the limits of the type, of the queue, and of the `further` ones of its submission.

        Raises:
            InvalidInput: a limit is not known, or a value can't be a key or a cost.
        """
        names = self.by_queue[queue].limits
        if further:
            names = tuple(dict.fromkeys((*names, *further)))
        if not names:
            return []
        evaluation = self.evaluations.get(names)
        if evaluation is None:
            evaluation = self.evaluations[names] = self.evaluation(names, further)
        return evaluation.uses(payload)

    def batch_key(self, queue: str, payload: Any) -> str | None:
        """What a payload has in common with those of other jobs that may be handled with its job; None: it is handled alone.

        Raises:
            InvalidInput: its value can't be a key, or the payload has no such field.
        """
        batch = self.by_queue[queue].batch
        if batch is None:
            return None
        keys = self.batch_keys.get(batch.by)
        if keys is None:
            try:
                keys = BatchKeys(self.record.name, batch.by, self.record.payload_schema)
            except NoSuchField as error:
                raise InvalidInput(FieldError("/type", str(error))) from None
            self.batch_keys[batch.by] = keys
        return keys.of(payload)

    def evaluation(self, names: tuple[str, ...], further: tuple[str, ...] = ()) -> LimitEvaluation:
        """What evaluates payloads of this type for limits of these names.

        Raises:
            InvalidInput: one of them is not known, or does not fit the payload.
        """
        for name in names:
            if name not in self.limits:
                known = ", ".join(sorted(self.limits)[:NAMED]) or "none yet"
                if len(self.limits) > NAMED:
                    known += f" and {len(self.limits) - NAMED} more"
                where = f"/limits/{further.index(name)}" if name in further else "/type"
                raise InvalidInput(
                    FieldError(
                        where,
                        f"there is no limit {name[:100]!r}; known are {known}: `corral types register` registers them",
                    )
                )
        of_calls = [name for name in further if self.limits[name].of_calls]
        if of_calls:
            raise InvalidInput(
                FieldError(
                    f"/limits/{further.index(of_calls[0])}",
                    f"{of_calls[0]} is a rate of calls, of which handlers take with ctx.budget; no job takes of it when it starts",
                )
            )
        acting = [name for name in names if self.limits[name].values.get("on_full", "queue") != "queue"]
        if len(acting) > 1:
            raise InvalidInput(
                FieldError(
                    "/limits",
                    f"{' and '.join(acting)} each say what happens when they are full; only one limit of a job may",
                )
            )
        try:
            return LimitEvaluation([self.limits[name] for name in names], self.record.payload_schema)
        except NoSuchField as error:
            raise InvalidInput(FieldError("/limits" if further else "/type", str(error))) from None

    @property
    def options(self) -> Options:
        """The options of a job of this type in the queue that the type names first."""
        return self.by_queue[self.record.parsed_options.queue]
