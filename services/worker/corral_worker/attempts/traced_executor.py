"""An executor whose attempts have spans. It is chosen where tracing is on; the plain one knows nothing of it."""

from typing import Any

import structlog

from corral.job.outcome import Finished
from corral.tracing import trace_context
from corral.tracing.activation import harmless
from corral.tracing.tracer import Tracer
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.executor import AttemptExecutor
from corral_worker.attempts.handler_call import Ending
from corral_worker.attempts.outcomes import Stop
from corral_worker.attempts.spans import AttemptSpans
from corral_worker.batches.execution import BatchExecution
from corral_worker.batches.runner import BatchRunner


class TracedBatchRunner(BatchRunner):
    """Runs batches, each call within a span."""

    spans: AttemptSpans

    async def run(self, batch: BatchExecution) -> None:
        """As without tracing, in the context of the call's span."""
        call = None
        with harmless():
            call = self.spans.begin_batch(batch)
            _name_trace()
        await super().run(batch)
        if call is not None:
            call.end()


class TracedExecutor(AttemptExecutor):
    """Runs attempts, each within its span."""

    batch_runner = TracedBatchRunner

    def __init__(self, *args: Any, tracer: Tracer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._spans = AttemptSpans(tracer, kwargs["worker"].name)
        assert isinstance(self._batches, TracedBatchRunner)
        self._batches.spans = self._spans

    async def run(self, execution: Execution) -> Finished:
        """As without tracing, in the context of the attempt's span; log lines of the handler name the trace."""
        with harmless():
            self._spans.begin(execution)
            _name_trace()
        return await super().run(execution)

    def stop(self, execution: Execution, why: Stop) -> None:
        """As without tracing."""
        if execution.stop is None:
            self._spans.note(execution, why)
        super().stop(execution, why)

    def close(self) -> None:
        """As without tracing."""
        super().close()
        self._spans.close()

    def _finish(self, execution: Execution, ending: Ending) -> Finished:
        finished = super()._finish(execution, ending)
        with harmless():
            self._spans.end(execution, finished.outcome)
        return finished


def _name_trace() -> None:
    """Have the log lines of this task name the trace."""
    context = trace_context.current()
    if context is not None:
        structlog.contextvars.bind_contextvars(trace_id=context.split("-")[1])
