"""Each attempt has a span, wherever its handler runs; the handler's own spans are its children."""

import pytest
from tests.fixtures.servers.collector import Collected
from tests.integration.tracing.conftest import Traced

from corral.job.state import State


def parent_of(span: Collected, spans: list[Collected]) -> Collected:
    return next(one for one in spans if one.id == span.parent)


async def test_a_retry_has_a_span_of_its_own_in_the_same_trace(traced: Traced):
    traced.collector.start()
    await traced.worker()
    job = traced.submit("traced.async", how="fail")
    assert await traced.until_ended(job) == [State.COMPLETED]
    await traced.collector.until("process traced", count=2)
    first, second = traced.collector.spans("process traced")
    assert first.trace == second.trace
    assert (first.attributes["corral.job.attempt"], second.attributes["corral.job.attempt"]) == (1, 2)
    assert (first.status, first.message) == ("error", "a wrong beginning")
    assert first.attributes["error.type"] == "builtins.ValueError"
    assert "on_loop" in first.events["exception"]["exception.stacktrace"]
    assert first.events["corral.retry"]["corral.retry.seconds"] == pytest.approx(0.1)
    assert (first.attributes["corral.job.outcome"], second.attributes["corral.job.outcome"]) == (
        "erred",
        "succeeded",
    )
    assert second.status == "unset"


@pytest.mark.parametrize("executor", ["thread", "process"])
async def test_a_handlers_span_is_a_child_of_its_attempt(traced: Traced, executor: str):
    traced.collector.start()
    await traced.worker()
    job = traced.submit(f"traced.{executor}")
    await traced.until_ended(job)
    spans = await traced.collector.until("process traced", "own")
    (own,) = traced.collector.spans("own")
    run = parent_of(own, spans)
    assert (run.name, run.attributes["corral.job.executor"]) == ("process traced", executor)
    assert (own.attributes["text"], own.attributes["numbers"], own.service) == ("a", [1, 2], "corral-worker")
    assert run.start <= own.start <= own.end <= run.end


async def test_what_a_child_did_before_it_died_is_told(traced: Traced):
    traced.collector.start()
    await traced.worker()
    job = traced.submit("traced.process", how="die")
    assert await traced.until_ended(job) == [State.FAILED]
    spans = await traced.collector.until("process traced", "own")
    (own,) = traced.collector.spans("own")
    assert own.events == {"noted": {"where": "here"}}
    run = parent_of(own, spans)
    assert (run.status, run.attributes["error.type"], run.attributes["corral.job.outcome"]) == (
        *("error", "exit", "exhausted"),
    )


async def test_a_child_sends_so_many_spans_of_one_run_and_no_more(traced: Traced):
    traced.collector.start()
    await traced.worker()
    job = traced.submit("traced.process", how="many")
    assert await traced.until_ended(job) == [State.COMPLETED]
    await traced.collector.until("process traced", "own")
    assert len(traced.collector.spans("one of many")) == 999


@pytest.mark.parametrize("executor", ["async", "process"])
async def test_a_job_that_a_handler_submits_belongs_to_its_trace(traced: Traced, executor: str):
    traced.collector.start()
    await traced.worker()
    job = traced.submit(f"traced.{executor}", how="submit")
    await traced.until_ended(job)
    spans = await traced.collector.until("process traced", "own", "send traced", count=2)
    assert len({span.trace for span in spans}) == 1
    second = next(span for span in spans if span.attributes.get("corral.job.type") == "traced.thread")
    own = next(span for span in spans if span.name == "own" and span.start < second.start)
    send = next(span for span in spans if span.name == "send traced" and span.service == "corral-worker")
    assert send.parent == own.id


@pytest.mark.parametrize(("name", "count"), [("traced.batch", 3), ("traced.batch_process", 2)])
async def test_the_span_of_a_batch_links_the_jobs_and_each_job_has_its_attempt(
    traced: Traced, name: str, count: int
):
    traced.collector.start()
    await traced.worker()
    jobs = [traced.submit(name) for _ in range(count)]
    await traced.until_ended(*jobs)
    await traced.collector.until("process traced", count=count + 1)
    await traced.collector.until("send traced", count=count)
    spans = await traced.collector.until("own")
    calls = [one for one in spans if one.attributes.get("messaging.batch.message_count") == count]
    (call,) = [one for one in calls if one.name == "process traced"]
    sent = {(one.trace, one.id) for one in spans if one.name == "send traced"}
    assert (set(call.links), call.parent) == (sent, ""), "a trace of its own, linked with each submission"
    (own,) = [one for one in spans if one.name == "own"]
    assert own.parent == call.id
    attempts = [one for one in spans if one.name == "process traced" and one is not call]
    assert {(one.trace, one.parent) for one in attempts} == sent
    assert all(one.links == [(call.trace, call.id)] for one in attempts)
    failed = [one.message for one in attempts if one.status == "error"]
    assert failed == (["the last one"] if name == "traced.batch" else [])


async def test_a_bulk_has_one_span_and_its_jobs_are_of_one_trace(traced: Traced):
    traced.collector.start()
    await traced.worker()
    jobs = traced.submit_many("traced.thread", [{}] * 5)
    await traced.until_ended(*jobs)
    await traced.collector.until("process traced", count=5)
    spans = await traced.collector.until("send traced")
    (send,) = traced.collector.spans("send traced")
    assert send.attributes["messaging.batch.message_count"] == 5
    assert {one.parent for one in spans if one.name == "process traced"} == {send.id}
