"""What `POST /reports` asks for: a submission of `report.generate`, with what is left out filled in."""

from typing import Any

from corral.actions.submissions.job_request import NewSubmission
from corral.errors import FieldError, InvalidInput
from corral.settings import Settings
from corral_publisher.views.reports import TYPE

PACE = [3, 5, 2]
"""Seconds of the phases fetch, process and render, where `pace` is true."""
DEMO_ONLY = ("pace", "fail_times")
SOURCES = ("rows", "csv", "source")


def report_submission(value: Any, settings: Settings, *, created_by: str, trace: str | None) -> NewSubmission:
    """The submission for a body; an empty one reports the statistics of the queues.

    Raises:
        InvalidInput: the body is no object, or asks for what demo mode alone has.
    """
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise InvalidInput(FieldError("", "must be an object, or nothing"))
    refused = [name for name in DEMO_ONLY if name in value and not settings.demo_jobs]
    if refused:
        reason = "is for demo mode alone, which is off (CORRAL_DEMO_JOBS)"
        raise InvalidInput(*(FieldError(f"/{name}", reason) for name in refused))
    payload = {name: item for name, item in value.items() if item is not None}
    given = [name for name in SOURCES if name in payload]
    if len(given) > 1:
        raise InvalidInput(
            *(FieldError(f"/{name}", f"is one source too many beside {given[0]}") for name in given[1:])
        )
    if not given:
        payload["source"] = "queue-statistics"
    payload.setdefault("title", "Queue statistics" if "source" in payload else "Report")
    if settings.report_email is not None:
        payload.setdefault("email", settings.report_email)
    match payload.get("pace"):
        case True:
            payload["pace"] = PACE
        case False:
            del payload["pace"]
    return NewSubmission(type=TYPE, payload=payload, created_by=created_by, traceparent=trace, from_wire=True)


def of_the_body(error: InvalidInput) -> InvalidInput:
    """The same error with pointers into the body instead of a payload."""
    return InvalidInput(
        *(FieldError(one.pointer.removeprefix("/payload"), one.message) for one in error.errors)
    )
