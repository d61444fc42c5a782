"""What a worker makes of a report, written by hand, for tests over HTTP."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx2
from tests.integration.publisher.conftest import claim_of_limits, make_hand

from corral.catalog.record import declaration_of, record_of
from corral.job.outcome import ErrorKind, Exhausted, Finished, JobError, Outcome, Succeeded
from corral.store import Store
from corral_jobs import mail, report
from corral_jobs.mail.declaration import per_domain


class Worker:
    """A worker by hand."""

    def __init__(self, store: Store, worker: UUID) -> None:
        self.store, self.id = store, worker

    async def claim(self, job: str) -> int:
        taken = await claim_of_limits(self.store, self.id, UUID(job))
        if not taken:
            types = ["report.generate", "email.send"]
            taken = (await self.store.claims.claim(self.id, uuid4(), [UUID(job)], types, alone=False)).claimed
        (claimed,) = taken
        return claimed.attempt

    async def end(self, job: str, attempt: int, outcome: Outcome) -> None:
        await self.store.attempts.finish(self.id, [Finished(UUID(job), attempt, outcome)])

    async def ready(self, job: str, **more: Any) -> None:
        """Make it READY, with a file."""
        attempt = await self.claim(job)
        made = {"name": "report.pdf", "media_type": "application/pdf", "size_bytes": 8, "sha256": "0" * 64,
                "pages": 1, "rows": 1, "seconds": {"fetch": 0, "process": 0, "render": 0}, **more}  # fmt: skip
        file = await self.store.artifacts.put(
            UUID(job), attempt, "report.pdf", "application/pdf", b"%PDF-1.7"
        )
        await self.store.artifacts.publish(UUID(job), attempt, [file])
        await self.end(job, attempt, Succeeded(json.dumps(made)))

    async def fail(self, job: str, words: str) -> None:
        error = JobError(kind=ErrorKind.EXCEPTION, type="E", message=words)
        await self.end(job, await self.claim(job), Exhausted(error))


STATUS = {
    "id", "status", "progress", "progress_message", "error_message", "file_path", "email_status", "attempts",
    "created_at", "updated_at",
}  # fmt: skip
ROWS = [{"region": "North", "orders": 12}]


async def asked(api: httpx2.AsyncClient, **body: Any) -> str:
    answer = await api.post("/reports", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def status(api: httpx2.AsyncClient, job: str) -> dict[str, Any]:
    answer = await api.get(f"/reports/{job}/status")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found.keys() == STATUS
    return found


async def register(store: Store) -> Worker:
    """Register the types of reports and mails, and a worker of both."""
    await store.registration.register(
        [record_of(report.generate), record_of(mail.send)], limits=[declaration_of(per_domain)]
    )
    made = await make_hand(store, queues=("reports", "email"), types=("report.generate", "email.send"))
    return Worker(store, made.id)
