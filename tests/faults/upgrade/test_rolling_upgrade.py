"""Workers and publishers of the release before limits, beside those of this one."""

import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from bench.measuring.revision import checkout, commit
from tests.faults import invariants
from tests.faults.api import Api
from tests.faults.system import System
from tests.faults.upgrade import jobs
from tests.fixtures.waiting import eventually

from corral.catalog import Catalog
from corral.catalog.record import declaration_of
from corral.store import migrations

LIMITS_CAME = "Limits have tables, and a job says what it takes of them"
JOBS = "tests.faults.upgrade.jobs"
TYPE = "upgrade.call"
BULK = 60
BEFORE = "0004"
"""The revision of the schema that release begins with; it goes on while the schema becomes newer."""
MOST_AT_ONCE = """
SELECT coalesce(max(running), 0)::int AS most FROM (
    SELECT sum(CASE WHEN h.after = 'running' THEN 1 ELSE -1 END) OVER (ORDER BY h.at, h.after = 'running', h.n) AS running
    FROM public.history h WHERE h.job = ANY(%s) AND (h.after = 'running' OR h.before = 'running')
) s
"""


@pytest.fixture(scope="module")
def before_limits() -> Iterator[Path]:
    """A checkout of the last revision that knows no limits."""
    with checkout(LIMITS_CAME, before=True) as tree:
        yield tree


def register(system: System) -> None:
    """The type and its limit, as a deployment of this release does."""
    catalog = Catalog.load([JOBS])
    limits = [declaration_of(one) for one in catalog.limits.values()]
    system.client.call(lambda engine: engine.store.registration.register(catalog.records(), limits=limits))


def most_at_once(system: System, ids: Sequence[UUID]) -> int:
    return int(system.rows(MOST_AT_ONCE, list(ids))[0]["most"])


def submitted(api: Api, seconds: float) -> list[UUID]:
    """So many jobs, promised by that publisher."""
    bulk = [{"type": TYPE, "payload": {"seconds": seconds}} for _ in range(BULK)]
    with api.client() as client:
        answer = client.post("/api/v1/jobs/bulk", json={"jobs": bulk})
    assert answer.is_success, answer.text
    ids = [UUID(one["id"]) for one in answer.json()["jobs"]]
    api.system.accepted.extend(ids)
    return ids


def limit(api: Api) -> dict[str, Any]:
    with api.client() as client:
        found: dict[str, Any] = client.get("/api/v1/limits/upgrade").raise_for_status().json()
    return found


@pytest.mark.needs(
    "the whole history of the repository",
    bool(commit(LIMITS_CAME)),
    "git fetch --unshallow, in a clone that is cut",
)
def test_beside_the_release_before_nothing_is_lost_and_limits_hold_once_its_workers_are_gone(
    system: System, before_limits: Path
):
    url = system.client.database_url
    migrations.downgrade(url, revision=BEFORE)
    old_api = Api(system, jobs=JOBS, tree=before_limits)
    old = system.worker(jobs=JOBS, tree=before_limits)
    migrations.upgrade(url)
    register(system)
    system.maintenance(jobs=JOBS)
    new_api = Api(system, jobs=JOBS)
    system.worker(jobs=JOBS)
    beside = submitted(old_api, 0.2) + submitted(new_api, 0.2)
    eventually(lambda: most_at_once(system, beside) > jobs.TOTAL)
    assert len(limit(new_api)["ignored_by"]) == 1, limit(new_api)
    old.send(signal.SIGTERM)
    assert old.wait() == 0, old.tail()
    assert limit(new_api)["ignored_by"] == []
    late = submitted(old_api, 0.05)  # their publishers may go last
    old_api.part.kill()
    late += submitted(new_api, 0.05)
    system.until_ended()
    assert most_at_once(system, late) == jobs.TOTAL
    invariants.accepted_jobs_end(system)
    invariants.one_ending_per_life(system)
    invariants.all_completed(system)
    assert limit(new_api)["in_use"] == 0
