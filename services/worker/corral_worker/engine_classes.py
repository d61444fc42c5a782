"""The classes of which a worker is put together: without tracing the plain ones, with it those that make spans."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

from corral.tracing.activation import tracer
from corral_worker.attempts.executor import AttemptExecutor
from corral_worker.claiming.claiming import Claimer
from corral_worker.claiming.group_claiming import GroupClaimer


@dataclass(frozen=True, slots=True)
class EngineClasses:
    """What makes the parts that jobs pass through."""

    executor: Callable[..., AttemptExecutor] = AttemptExecutor
    claimer: type[Claimer] = Claimer
    group_claimer: type[GroupClaimer] = GroupClaimer

    @classmethod
    def chosen(cls) -> Self:
        """Those of this process."""
        making = tracer()
        if making is None:
            return cls()
        from corral_worker.attempts.traced_executor import TracedExecutor  # noqa: PLC0415
        from corral_worker.claiming.traced_claiming import TracedClaimer, TracedGroupClaimer  # noqa: PLC0415  only with tracing

        return cls(partial(TracedExecutor, tracer=making), TracedClaimer, TracedGroupClaimer)
