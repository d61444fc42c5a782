"""The spans of attempts: one for each, from its start to its outcome, and one for each call with a batch."""

from typing import Any

from opentelemetry.trace import Span

from corral.job.outcome import (
    Cancelled,
    Erred,
    Exhausted,
    JobError,
    Outcome,
    Parked,
    Released,
    Snoozed,
    Succeeded,
)
from corral.tracing.tracer import Operation, Tracer, enter, failed
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.outcomes import Stop
from corral_worker.batches.execution import BatchExecution


class AttemptSpans:
    """Makes the spans of one worker's attempts. Belongs to the event loop."""

    def __init__(self, tracer: Tracer, worker: str) -> None:
        """`worker` is the worker's name."""
        self._tracer = tracer
        self._worker = worker
        self._open: dict[Execution, Span] = {}

    def begin(self, execution: Execution) -> None:
        """Start the span of an attempt, a child of its submission's; what the present task does from here on belongs to it."""
        enter(self._begin(execution))

    def begin_batch(self, batch: BatchExecution) -> Span:
        """Start the span of one call with several jobs: a trace of its own, linked with the submission of each.

        The attempt of each job has its span in the trace of the job, linked with the call's. What the present task does
        from here on belongs to the call.
        """
        claimed = [one.claimed for one in batch.members]
        call = self._tracer.operation(
            Operation.PROCESS,
            batch.lead.claimed.queue,
            links=[one.traceparent for one in claimed if one.traceparent is not None],
            attributes={
                "messaging.batch.message_count": len(claimed),
                "messaging.client.id": self._worker,
                "corral.job.type": batch.lead.claimed.type,
                "corral.job.executor": batch.lead.executor.value,
            },
        )
        for one in batch.members:
            self._begin(one).add_link(call.get_span_context())
        enter(call)
        return call

    def note(self, execution: Execution, why: Stop) -> None:
        """Note that an attempt was told to stop."""
        span = self._open.get(execution)
        if span is not None:
            span.add_event("corral.stop", {"corral.stop.reason": why.value})

    def end(self, execution: Execution, outcome: Outcome) -> None:
        """End the span of an attempt, with its outcome."""
        span = self._open.pop(execution, None)
        if span is None:
            return
        lost = execution.stop is Stop.LOST
        span.set_attribute("corral.job.outcome", "lost" if lost else _word(outcome))
        match outcome:
            case Erred(error=error, retry_in=seconds):
                _fail(span, error)
                span.add_event("corral.retry", {"corral.retry.seconds": seconds})
            case Exhausted(error=error):
                _fail(span, error)
            case Snoozed(wait=seconds) | Parked(wait=seconds):
                span.add_event("corral.wait", {"corral.wait.seconds": seconds})
            case Cancelled(reason=reason) | Released(reason=reason):
                span.set_attribute("corral.job.reason", reason)
            case Succeeded():
                pass
        span.end()

    def close(self) -> None:
        """End the spans of attempts whose handlers go on though the worker ends."""
        for span in self._open.values():
            failed(span, "abandoned", "the worker ended before the handler did")
            span.end()
        self._open.clear()

    def _begin(self, execution: Execution) -> Span:
        claimed = execution.claimed
        attributes: dict[str, Any] = {
            "messaging.message.id": str(claimed.id),
            "messaging.client.id": self._worker,
            "corral.job.type": claimed.type,
            "corral.job.attempt": claimed.attempt,
            "corral.job.executor": execution.executor.value,
            "corral.job.wait_seconds": claimed.waited,
        }
        if claimed.parent is not None:
            attributes["corral.job.parent"] = str(claimed.parent)
        span = self._open[execution] = self._tracer.operation(
            Operation.PROCESS, claimed.queue, parent=claimed.traceparent, attributes=attributes
        )
        return span


def _word(outcome: Outcome) -> str:
    return type(outcome).__name__.lower()


def _fail(span: Span, error: JobError) -> None:
    failed(
        span, error.type if error.kind == "exception" else error.kind.value, error.message, error.traceback
    )
    span.set_attribute("corral.error.kind", error.kind.value)
