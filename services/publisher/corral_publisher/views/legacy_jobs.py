"""Jobs in the words of the publish/subscribe system that Corral replaces: e-mail, notification, image, report."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from corral.actions.submissions.job_request import NewSubmission
from corral.errors import FieldError, InvalidInput
from corral.job.job import Job
from corral.job.priority import Priority
from corral.job.state import State
from corral.settings import Settings
from corral_publisher.views.report_request import report_submission
from corral_publisher.views.reports import TYPE as REPORT

TYPES = {
    "email": "email.send",
    "notification": "notification.send",
    "image": "image.process",
    "report": REPORT,
}
"""The words of that system, and the job types that they mean."""
_WORDS = {name: word for word, name in TYPES.items()}
STATUSES = {
    "pending": frozenset({State.BLOCKED, State.SCHEDULED, State.QUEUED}),
    "processing": frozenset({State.RUNNING}),
    "completed": frozenset({State.COMPLETED}),
    "failed": frozenset({State.FAILED}),
    "cancelled": frozenset({State.CANCELLED}),
}
_PRIORITIES = (Priority.CRITICAL, Priority.HIGH, Priority.NORMAL, Priority.LOW)


class LegacySubmission(BaseModel):
    """A request of that system. `priority` is one of Corral's words, or a number as there: 1 is the most urgent."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"type": "email", "data": {"to": "ann@example.com", "subject": "Hello", "body": "Ready."}}
            ]
        },
    )

    type: Annotated[
        str, Field(max_length=100, description="email, notification, image, report, or a job type.")
    ]
    data: Annotated[Any, Field(description="What the job type asks for.")] = None
    priority: Annotated[
        Priority | Annotated[int, Field(strict=True, ge=0, le=2_097_152)] | None,
        Field(description="critical, high, normal or low; or 1 to 4, and 0 for normal."),
    ] = None
    delay: Annotated[
        Annotated[float, Field(strict=True, ge=0, le=31_536_000_000, allow_inf_nan=False)] | None,
        Field(description="Milliseconds, as the old system had it."),
    ] = None

    def submission(self, settings: Settings, *, created_by: str, trace: str | None) -> NewSubmission:
        """The submission that this means.

        Raises:
            InvalidInput: as `report_submission`.
        """
        name = TYPES.get(self.type, self.type)
        payload = self.data
        if name == REPORT:
            payload = report_submission(self.data, settings, created_by=created_by, trace=trace).payload
        return NewSubmission(
            type=name,
            payload=payload,
            priority=_priority(self.priority),
            delay=None if self.delay is None else self.delay / 1000,
            created_by=created_by,
            traceparent=trace,
            from_wire=True,
        )


def _priority(given: Priority | int | None) -> Priority | None:
    """A number as a priority: 1 is the most urgent, 0 says nothing, all from 4 on are low."""
    if given is None or isinstance(given, Priority):
        return given
    return None if given == 0 else _PRIORITIES[min(given, len(_PRIORITIES)) - 1]


def in_legacy_words(job: Job) -> dict[str, Any]:
    """A job as that system answered it."""
    return {
        "job_id": job.id,
        "job_type": _WORDS.get(job.type, job.type),
        "status": next(word for word, states in STATUSES.items() if job.state in states),
        "job_data": job.payload,
        "result": job.result,
        "error_message": None if job.error is None else str(job.error.get("message", "")),
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "completed_at": job.finished_at,
    }


def of_the_data(error: InvalidInput) -> InvalidInput:
    """The same error, with the field's name of that system."""
    return InvalidInput(
        *(
            FieldError(f"/data{one.pointer.removeprefix('/payload')}", one.message)
            if one.pointer.startswith("/payload")
            else one
            for one in error.errors
        )
    )
