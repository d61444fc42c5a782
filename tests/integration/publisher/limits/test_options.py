"""Options of job types and queues over HTTP: what is in force, setting it, what submissions store."""

from datetime import datetime
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel
from tests.integration.publisher.limits.limited_types import Ask, register, told, uses

from corral.catalog import Queue, job_type
from corral.catalog.options_json import options_from_json
from corral.catalog.record import declaration_of, record_of
from corral.errors import Conflict
from corral.job.backoff import Exponential
from corral.store import Image, Store


@pytest.fixture
async def limits(store: Store) -> Store:
    await register(store)
    return store


async def test_any_option_of_a_type_is_set_and_taken_back_and_survives_a_deployment(
    api: httpx2.AsyncClient, limits: Store
):
    change = {
        "keep_finished": 50,
        "backoff": "exponential:4",
        "retries": 9,
        "limits": ["fair"],
        "queue": "other",
    }
    shown = (await api.patch("/api/v1/types/acme.plain", json={"overrides": change})).json()
    assert shown["options"]["keep_finished"] == {"seconds": None, "count": 50}
    assert (shown["options"]["backoff"]["kind"], shown["options"]["backoff"]["seconds"]) == ("exponential", 4)
    assert {shown["sources"][option] for option in change} == {"override"}
    await limits.types.register([record_of(job_type("acme.plain", payload=Ask, queue="plain", retries=1))])
    job = (await api.post("/api/v1/jobs", json={"type": "acme.plain", "payload": {"customer": "a"}})).json()
    assert (job["queue"], job["retries"], await uses(limits, job["id"])) == ("other", 9, {"fair=a": 1})
    back = (await api.patch("/api/v1/types/acme.plain", json={"overrides": {"queue": None}})).json()
    assert (back["options"]["queue"], back["sources"]["queue"]) == ("plain", "type")
    assert (await api.post("/api/v1/types/acme.plain/reset")).json()["overrides"] == {}
    audit = await limits.audit.page(kind="type", subject="acme.plain")
    assert [one.action for one in audit] == ["patch", "patch", "patch"]
    assert (await api.patch("/api/v1/types/none", json={"overrides": {"retries": 1}})).status_code == 404
    queue = (
        await api.patch("/api/v1/queues/plain", json={"overrides": {"backoff": [1, 5], "limits": ["api"]}})
    ).json()
    assert queue["overrides"]["backoff"]["waits"] == [1, 5]
    job = (await api.post("/api/v1/jobs", json={"type": "acme.plain"})).json()
    assert await uses(limits, job["id"]) == {"api": 1}


async def test_an_option_that_can_not_be_set_is_refused_by_name(api: httpx2.AsyncClient, limits: Store):
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"executor": "thread"}, "executor", "is not a known field"),
        ({"retrys": 1}, "retrys", "is not a known field"),
        ({"backoff": "quadratic:2"}, "backoff", "kind:seconds"),
        ({"backoff": 10**4299}, "backoff", "a whole number of more than 24 digits"),
        ({"backoff": [1, 10**400]}, "backoff", "a whole number of more than 24 digits"),
        ({"backoff": "exponential:soon"}, "backoff", "such as exponential:2"),
        ({"backoff": {"kind": "fixed", "second": 1}}, "backoff", "has no part second"),
        ({"backoff": {"kind": []}}, "backoff", "is an object; it must be"),
        ({"backoff": [-1]}, "backoff", "a wait is -1"),
        ({"keep_finished": -1}, "keep_finished/count", "is -1"),
        ({"limits": ["nowhere"]}, "limits", "there is no limit 'nowhere'"),
        ({"search": ["nowhere"]}, "search", "the payload has customer, tokens"),
        ({"tags": ["fine", "\u202e"]}, "tags/1", "is not 1 to 100 printable characters"),
        ({"tags": ["a\nb"]}, "tags/0", "is not 1 to 100 printable characters"),
        ({"tags": [""]}, "tags/0", "is not 1 to 100 printable characters"),
        ({"search": [""]}, "search/0", "is not 1 to 200 characters"),
        ({"search": ["customer", "x" * 5000]}, "search/1", "is not 1 to 200 characters"),
        ({"search": [f"f{n}" for n in range(101)]}, "search", "has 101 items; it must have at most 100"),
        ({"memory_limit": 64}, "memory_limit", "only attempts in processes have one"),
        ({"queue": "a.b"}, "queue", "a.b"),
    ]
    for overrides, option, reason in cases:
        errors = told(await api.patch("/api/v1/types/acme.plain", json={"overrides": overrides}))
        assert reason in errors[f"/overrides/{option}"]


async def test_limits_that_do_not_fit_a_payload_are_not_set_for_its_type_or_queue(
    api: httpx2.AsyncClient, limits: Store
):
    class Other(BaseModel):
        nothing: int = 0

    await limits.types.register([record_of(job_type("acme.other", payload=Other, queue="plain"))])
    for path in ("types/acme.other", "queues/plain"):
        errors = told(await api.patch(f"/api/v1/{path}", json={"overrides": {"limits": ["fair"]}}))
        assert (
            "limit fair: by names customer; the payload has no field customer" in errors["/overrides/limits"]
        )


async def test_two_images_that_serve_one_queue_with_different_types_are_refused_by_name(limits: Store):
    one, two = record_of(job_type("a.one", queue="shared")), record_of(job_type("a.two", queue="shared"))
    first = Image("a.one", frozenset({"a.one"}))
    second = Image("a.two", frozenset({"a.two"}))
    await limits.registration.register([one], image=first)
    with pytest.raises(Conflict, match=r"queue shared: this image handles a\.two in it, but not a\.one"):
        await limits.registration.register([two], image=second)
    assert await limits.types.get("a.two") is None
    apart = record_of(job_type("a.two", queue="apart"))
    await limits.registration.register([apart], image=second)
    await limits.registration.register([one, two], image=Image("a.one", frozenset({"a.one", "a.two"})))
    # The first image has a.two no longer; whoever is sure that another is gone says so.
    await limits.registration.register([one], image=first)
    await limits.registration.register([two], image=second, force=True)


slow = Queue("slow", delay=5, backoff=Exponential(2), retries=3, keep_finished=100, keep_failed=50)
late = job_type("acme.late", payload=Ask, queue=slow)


async def test_a_declared_queue_gives_its_jobs_what_their_type_leaves_out(
    api: httpx2.AsyncClient, store: Store
):
    await store.registration.register([record_of(late)], limits=[], queues=[declaration_of(slow)])
    job = (await api.post("/api/v1/jobs", json={"type": "acme.late", "payload": {}})).json()
    wait = datetime.fromisoformat(job["run_at"]) - datetime.fromisoformat(job["created_at"])
    assert (job["queue"], job["state"], round(wait.total_seconds()), job["retries"]) == (
        "slow",
        "scheduled",
        5,
        3,
    )
    said = (await api.get("/api/v1/types/acme.late")).json()
    assert said["sources"]["backoff"] == "queue"
    assert options_from_json(said["options"]).backoff == Exponential(2)
