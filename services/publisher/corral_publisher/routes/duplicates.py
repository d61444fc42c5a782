"""What is answered about a submission that made no new job: the job that holds its unique key (protocol rule 33)."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from corral.job.job import Accepted
from corral.job.unique import Deduplicated, Deduplication
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.waiting import look
from corral_publisher.services import PublisherServices


async def duplicate_answer(
    services: PublisherServices, accepted: Accepted, duplicate: Deduplicated, wait: float | None
) -> Response:
    """The job that holds the key, and what became of the submission: it is no new job, so 200."""
    now = None if duplicate.removed else await look(services, accepted.id, wait)
    told = {"id": accepted.id, "state": accepted.state} | about(duplicate)
    headers = {"Location": f"/api/v1/jobs/{accepted.id}"}
    if now is None:
        return answer(
            told | {"expired": True, "job": {"id": accepted.id, "state": accepted.state}}, 200, headers
        )
    ended = now.state.terminal or not wait
    return answer(told | {"state": now.state, "job": now}, 200 if ended else 202, headers)


def about(duplicate: Deduplicated) -> dict[str, Any]:
    """What became of a duplicate, by which rule, and of which key."""
    return {"deduplicated": duplicate.what, "rule": duplicate.rule, "unique_key": duplicate.key}


def counts(accepted: Iterable[object]) -> dict[str, dict[str, int]]:
    """How many of a bulk are duplicates, of each kind that there is, as a field; none where none is."""
    found = Counter(
        one.duplicate.what.value
        for one in accepted
        if isinstance(one, Accepted) and one.duplicate is not None
    )
    return {"deduplicated": dict(found)} if found else {}


def status_of(accepted: Iterable[object]) -> int:
    """The status of the answer about a bulk: 200 where it made no new job."""
    return 201 if any(isinstance(one, Accepted) and one.duplicate is None for one in accepted) else 200


def is_refused(accepted: object) -> bool:
    """Whether a job of a bulk with `partial` is a duplicate that is refused."""
    return (
        isinstance(accepted, Accepted)
        and accepted.duplicate is not None
        and accepted.duplicate.what is Deduplication.REFUSED
    )
