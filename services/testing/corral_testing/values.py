"""New jobs and workers for tests: what a test does not say has a value that makes no difference to it."""

from typing import Any

from corral.ids import new_id
from corral.job.job import NewJob
from corral.job.priority import Priority
from corral.store import WorkerRecord

TYPE = "contract.job"
QUEUE = "contract"


def new_job(**fields: Any) -> NewJob:
    """A job that can be inserted: of no retries, no stalls and no timeout, with an empty object as its payload."""
    plain: dict[str, Any] = {
        "id": new_id(),
        "type": TYPE,
        "queue": QUEUE,
        "priority": Priority.NORMAL,
        "payload": "{}",
        "retries": 0,
        "timeout": None,
        "max_stalls": 0,
    }
    return NewJob(**(plain | fields))


def worker_record(**fields: Any) -> WorkerRecord:
    """A worker that can be registered: of queue and type of these tests, with fifty slots for coroutines."""
    plain: dict[str, Any] = {
        "id": new_id(),
        "name": "w",
        "host": "h",
        "pid": 1,
        "version": "1",
        "queues": (QUEUE,),
        "types": (TYPE,),
        "slots": {"async": 50},
    }
    return WorkerRecord(**(plain | fields))
