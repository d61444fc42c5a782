"""Submissions of programs in Python: of a handler, and of a caller in a transaction of its own."""

from typing import Any

from corral.actions.submissions.job_request import NewSubmission
from corral.context.link import SubmitOptions
from corral.job.priority import Priority
from corral.tracing import trace_context


def submission_of(
    job_type: str, payload: Any, options: SubmitOptions, created_by: str, *, from_wire: bool = False
) -> NewSubmission:
    """The submission of a plain JSON value with options that `plain_options` checked.

    `from_wire` says that a parser of JSON read the payload (see `json_value.encode`).
    """
    priority = options.get("priority")
    return NewSubmission(
        type=job_type,
        payload=payload,
        queue=options.get("queue"),
        priority=None if priority is None else Priority(priority),
        delay=options.get("delay"),
        run_at=options.get("run_at"),
        retries=options.get("retries"),
        timeout=options.get("timeout"),
        expires_in=options.get("expires_in"),
        tags=tuple(options.get("tags", ())),
        limits=tuple(options.get("limits", ())),
        unique_key=options.get("unique_key"),
        traceparent=trace_context.current(),
        created_by=created_by,
        from_wire=from_wire,
    )
