"""Publishers that die between storing a job and saying so, and clients that ask again."""

import threading
from uuid import UUID

import httpx2
import pytest
from tests.faults import invariants
from tests.faults.api import Api
from tests.faults.system import System
from tests.fixtures.waiting import eventually

from corral.dispatch import key_names


class Customer(threading.Thread):
    """Submits one job after the other, each under a tag of its own, until the publisher does not answer."""

    def __init__(self, api: Api, name: str) -> None:
        super().__init__(daemon=True)
        self._api, self._name = api, name
        self.promised: dict[str, UUID] = {}
        self.unanswered: str | None = None
        self.refused: list[int] = []

    def run(self) -> None:
        with self._api.client() as client:
            for number in range(1000):
                tag = f"{self._name}-{number}"
                body = {"type": "faults.work", "payload": {}, "tags": [tag]}
                try:
                    answer = client.post("/api/v1/jobs", json=body)
                except httpx2.TransportError:
                    self.unanswered = tag
                    return
                if answer.status_code == 201:
                    self.promised[tag] = UUID(answer.json()["id"])
                else:
                    self.refused.append(answer.status_code)


def served_to_the_end(api: Api) -> list[Customer]:
    """Eight customers who submit at the same time, until the publisher is killed."""
    customers = [Customer(api, f"customer{number}") for number in range(8)]
    for customer in customers:
        customer.start()
    for customer in customers:
        customer.join(60)
    api.part.wait(20)
    return customers


def test_clients_of_a_publisher_killed_before_it_answered_find_their_jobs(system: System):
    system.maintenance()
    api = Api(system, rig="kill-after-insert")
    customers = served_to_the_end(api)
    stored = {
        tag: row["id"] for row in system.rows("SELECT id, tags FROM corral.jobs") for tag in row["tags"]
    }
    unanswered = [customer.unanswered for customer in customers]
    assert None not in unanswered
    assert set(unanswered) & set(stored), "no job was stored and unanswered when the publisher died"
    assert [customer.refused for customer in customers] == [[]] * 8
    api.start()
    system.worker()
    for customer in customers:
        for tag, job in customer.promised.items():
            assert stored[tag] == job
            system.accepted.append(job)
        found = api.listed(customer.unanswered)  # ask first, then submit again
        if not found:
            with api.client() as client:
                body = {"type": "faults.work", "payload": {}, "tags": [customer.unanswered]}
                found = [UUID(client.post("/api/v1/jobs", json=body).raise_for_status().json()["id"])]
        assert len(found) == 1
        system.accepted.extend(found)
    invariants.check(system)
    invariants.all_completed(system)
    tags = [
        tag
        for row in system.rows("SELECT tags FROM corral.jobs WHERE tags IS NOT NULL")
        for tag in row["tags"]
    ]
    assert len(tags) == len(set(tags)), "a job was stored twice"


BULK = 2000
INSERTING = """
SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'corral publisher'
AND wait_event_type = 'Lock' AND query LIKE '%%INSERT INTO corral.jobs%%'
"""


def test_a_bulk_whose_publisher_is_killed_is_stored_whole_or_not_at_all(system: System):
    system.maintenance()
    api = Api(system)
    body = {"jobs": [{"type": "faults.work", "payload": {}, "tags": ["bulk"]} for _ in range(BULK)]}

    def post() -> None:
        with api.client() as client, pytest.raises(httpx2.TransportError):
            client.post("/api/v1/jobs/bulk", json=body)

    with system.connection() as connection:
        connection.execute("LOCK TABLE corral.jobs IN SHARE ROW EXCLUSIVE MODE")  # its insert has to wait
        posting = threading.Thread(target=post, daemon=True)
        posting.start()
        eventually(lambda: system.rows(INSERTING), timeout=20)
        api.part.send_group(9)
        api.part.wait(20)
        posting.join(20)
        assert not posting.is_alive()
        connection.rollback()
    eventually(
        lambda: not system.rows(INSERTING.replace("AND wait_event_type = 'Lock'", "AND state = 'active'"))
    )
    api.start()
    found = api.listed("bulk")
    assert len(found) in (0, BULK)
    if not found:
        with api.client() as client:
            answer = client.post("/api/v1/jobs/bulk", json=body).raise_for_status().json()
        found = [UUID(item["id"]) for item in answer["jobs"]]
    system.accepted.extend(found)
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert len(system.jobs()) == BULK + 3  # and what the invariants submitted


def test_jobs_that_a_killed_publisher_had_not_handed_on_are_found_by_the_sweep(system: System):
    system.maintenance()
    api = Api(system, rig="kill-before-enqueue")
    customers = served_to_the_end(api)
    promised = [job for customer in customers for job in customer.promised.values()]
    system.accepted.extend(promised)
    with system.redis() as client:
        listed = {id.decode() for id in client.lrange(key_names.LIST + "work", 0, -1)}
    missing = [row["id"] for row in system.rows("SELECT id FROM corral.jobs") if str(row["id"]) not in listed]
    assert missing, "every stored job was in Redis when the publisher died"
    system.worker()
    system.until_ended(missing, seconds=20)
    invariants.check(system)
    invariants.all_completed(system)
