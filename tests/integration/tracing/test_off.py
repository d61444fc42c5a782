"""Without an endpoint nothing of OpenTelemetry is imported; what is wrong with its settings stops nobody."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.fixtures import programs
from tests.integration.tracing.conftest import Traced

from corral.tracing import activation

WORKER = """
import sys
import corral_worker.main, corral_worker.worker, corral_worker.engine_classes, corral_worker.child_processes.fork_server
import corral.actions.submissions.traced_submitter, corral.outgoing.client
from corral.tracing import activation, trace_context
from corral_worker.attempts.executor import AttemptExecutor
activation.start("corral-worker")
assert activation.tracer() is None and trace_context.current() is None
assert corral_worker.engine_classes.EngineClasses.chosen().executor is AttemptExecutor
print(sorted(name for name in sys.modules if name.partition(".")[0] in {"opentelemetry", "google", "requests"}))
"""


def test_a_worker_without_an_endpoint_imports_nothing_of_it(tmp_path: Path):
    environment = {
        name: value for name, value in programs.environment().items() if not name.startswith("OTEL_")
    }
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://there:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://there:4318/v1/metrics"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4318", "OTEL_SDK_DISABLED": "True"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_variables_turn_it_on_and_off(environment: dict[str, str], on: bool):
    assert activation.configured(environment) is on


async def test_a_protocol_that_is_not_spoken_is_told_and_jobs_run(traced: Traced):
    worker = await traced.worker(rig={"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    (told,) = worker.events("tracing.off")
    assert "http/protobuf" in told["error"]
    job = traced.submit("traced.async")
    await traced.until_ended(job)
