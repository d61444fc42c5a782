"""A job's way from the request to what its handler calls is one trace."""

from collections import Counter

from tests.integration.outgoing.server import Server
from tests.integration.tracing.conftest import HOST, Publishers, Traced

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CALLER = f"00-{'a' * 32}-{'b' * 16}-01"


async def test_submit_claim_run_and_outgoing_call_are_one_trace(traced: Traced, server: Server):
    traced.collector.start()
    server.answers["/there"] = OK
    await traced.worker()
    job = traced.submit("traced.async", trace=CALLER, url=f"http://{HOST}:{server.port}/there?secret=1")
    await traced.until_ended(job)
    names = [
        "POST /api/v1/jobs",
        "send traced",
        "dispatch traced",
        "receive traced",
        "process traced",
        "own",
        "GET",
    ]
    spans = await traced.collector.until(*names)
    assert {span.trace for span in spans} == {"a" * 32}, "the caller's trace, and no other"
    counts = Counter(span.name for span in spans)
    tried_again = {"dispatch traced", "receive traced"}  # where an answer came late
    assert counts.keys() == set(names)
    assert {name for name, count in counts.items() if count > 1} <= tried_again
    found = {span.name: span for span in spans}
    parents = {span.name: next((one.name for one in spans if one.id == span.parent), "") for span in spans}
    assert found["POST /api/v1/jobs"].parent == "b" * 16
    assert parents == {
        "POST /api/v1/jobs": "",
        "send traced": "POST /api/v1/jobs",
        "dispatch traced": "send traced",
        "receive traced": "send traced",
        "process traced": "send traced",
        "own": "process traced",
        "GET": "own",
    }
    assert [span.kind for name in names for span in [found[name]]] == [
        *("server", "producer", "client", "client", "consumer", "internal", "client")
    ]
    assert {found[name].service for name in names[:3]} == {"corral-publisher"}
    assert {found[name].service for name in names[3:]} == {"corral-worker"}
    run = found["process traced"].attributes
    assert run["messaging.system"] == "corral"
    assert run["messaging.destination.name"] == "traced"
    assert run["messaging.operation.type"] == "process"
    assert run["messaging.message.id"] == str(job) == found["send traced"].attributes["messaging.message.id"]
    assert (run["corral.job.type"], run["corral.job.attempt"]) == ("traced.async", 1)
    assert run["corral.job.outcome"] == "succeeded"
    call = found["GET"]
    assert call.attributes["http.response.status_code"] == 200
    assert server.heard[0].headers["traceparent"] == f"00-{call.trace}-{call.id}-01"
    assert "secret" not in repr(spans), "no query leaves in a trace"


async def test_each_process_of_a_publisher_sends_its_spans(traced: Traced, make_publishers: Publishers):
    """The exporter's thread starts after gunicorn's fork; in the master there is none to be lost."""
    traced.collector.start()
    publisher = traced.publisher = make_publishers(CORRAL_WEB_WORKERS="3")
    assert len(publisher.events("tracing.on")) == 3, "one in each process, none in the master"
    submitters = {child.pid for child in publisher.children()}
    for _ in range(60):
        traced.submit("traced.async")
    await traced.collector.until("send traced", count=60)
    assert len(submitters) == 3
    assert publisher.stop()[0] == 0
