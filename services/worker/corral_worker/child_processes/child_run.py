"""What a child process is given to run: one attempt, or those of a batch, and where each one's words go."""

from collections.abc import Callable

from corral.context import ContextLink
from corral.tracing import trace_context
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.handler_call import Raised, Returned
from corral_worker.child_processes import messages
from corral_worker.child_processes.messages import AttemptId


class ChildRun:
    """One run of a handler in a child."""

    def __init__(
        self,
        members: dict[Execution, ContextLink],
        settle: Callable[[Execution, Returned | Raised], None] | None = None,
    ) -> None:
        """`settle` takes the ending of one job of a batch while the handler goes on; None: it is no batch."""
        self.lead = next(iter(members))
        self.id = AttemptId.of(self.lead.claimed)
        self.settle = settle
        self.members = {AttemptId.of(one.claimed): (one, link) for one, link in members.items()}
        self.known = frozenset(self.members)
        """All that it was about: a thread of the handler may speak of one that has ended."""

    @property
    def stopped(self) -> bool:
        """Whether all of it was told to stop."""
        return all(one.stop is not None for one, _ in self.members.values() if one.ending is None)

    @property
    def message(self) -> messages.Run | messages.RunBatch:
        """What the child is told."""
        declared = self.lead.declared
        assert declared.attached is not None
        modules = (declared.attached.reference[0], declared.module)
        claimed = [one.claimed for one, _ in self.members.values()]
        trace = trace_context.current()
        if self.settle is None:
            return messages.Run(self.lead.claimed, modules, self.lead.claimed.timeout, trace)
        timeouts = [one.timeout for one in claimed if one.timeout is not None]
        return messages.RunBatch(tuple(claimed), modules, min(timeouts, default=None), trace)
