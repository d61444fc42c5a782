"""A collector that refuses, hangs or dies slows no job and fails none; a stop does not wait for it for long."""

import signal
import time

import httpx2
import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.tracing.conftest import HOST, Collector, Traced
from tests.integration.worker.system import WorkerProcess

from corral.http_client.http_calls import NO_AUTHORITIES
from corral.job.state import State

JOBS = 40
STOP_SECONDS = 15.0
"""Far more than a stop without jobs takes here; far less than the 30 s that the SDK would wait."""


def lost(port: int) -> float:
    """Spans that this process counted as lost."""
    text = httpx2.get(f"http://{HOST}:{port}/metrics", verify=NO_AUTHORITIES, timeout=60).text
    found = [line for line in text.splitlines() if line.startswith('corral_trace_spans_total{result="lost"}')]
    return float(found[0].split()[-1]) if found else 0.0


async def all_complete(traced: Traced) -> None:
    jobs = traced.submit_many("traced.thread", [{}] * JOBS)
    assert set(await traced.until_ended(*jobs)) == {State.COMPLETED}


async def stopped(worker: WorkerProcess) -> float:
    """Stop it; the seconds that it took."""
    began = time.monotonic()
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    return time.monotonic() - began


@pytest.mark.parametrize("how", ["refuse", "hang"])
async def test_jobs_run_and_a_stop_is_soon(traced: Traced, free_port: int, how: str):
    if how == "hang":
        traced.collector.start("hang")
    timeout = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1" if how == "refuse" else "60"}
    worker = await traced.worker(metrics_port=free_port, rig=timeout)
    await all_complete(traced)
    if how == "refuse":
        await eventually_async(lambda: lost(free_port) >= JOBS, "what was lost is counted")
    assert await stopped(worker) < STOP_SECONDS
    assert worker.said("tracing.spans_lost") == (how == "hang")
    assert traced.collector.spans() == []


async def test_a_collector_that_dies_and_comes_back_gets_what_is_new(traced: Traced, collector: Collector):
    collector.start()
    await traced.worker(rig={"OTEL_EXPORTER_OTLP_TIMEOUT": "5"})
    await all_complete(traced)
    await collector.until("process traced", count=JOBS)
    collector.kill()
    await all_complete(traced)
    collector.start()
    job = traced.submit("traced.async")
    await traced.until_ended(job)
    await eventually_async(
        lambda: str(job) in {one.attributes.get("messaging.message.id") for one in collector.spans()},
        timeout=60,
    )


async def test_a_worker_that_stops_sends_its_last_spans(traced: Traced, collector: Collector):
    collector.start()
    worker = await traced.worker(rig={"OTEL_BSP_SCHEDULE_DELAY": "60000"})
    job = traced.submit("traced.process")
    await traced.until_ended(job)
    assert not collector.spans("process traced"), "nothing is due before a minute"
    await stopped(worker)
    assert len(collector.spans("process traced")) == len(collector.spans("own")) == 1
