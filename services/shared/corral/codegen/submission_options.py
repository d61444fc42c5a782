"""What a submission may say beside its payload: one row for each, from which every language makes its own.

A new option of `POST /api/v1/jobs` is one more row; a test compares the rows with the API.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from corral.codegen.typed_model import ListOf, Literal, NumberType, Text, Type, Whole
from corral.job.bounds import Bounds
from corral.job.limits import DELAY, EXPIRES_IN, RETRIES, TIMEOUT
from corral.job.priority import PRIORITIES


@dataclass(frozen=True, slots=True)
class SubmissionOption:
    """One option."""

    name: str
    type: Type
    description: str
    bounds: Bounds | None = None


QUEUE = "queue"
"""The option whose values differ from job type to job type."""
SUBMISSION_OPTIONS = (
    SubmissionOption("priority", Literal(tuple(map(str, PRIORITIES))), "How urgent it is in its queue."),
    SubmissionOption("delay", NumberType(), "Seconds until it may start; or give run_at.", DELAY),
    SubmissionOption("run_at", Text("date-time"), "When it may start, with a time zone; or give delay."),
    SubmissionOption("retries", Whole(), "Tries after the first.", RETRIES),
    SubmissionOption("timeout", NumberType(), "Seconds for one attempt.", TIMEOUT),
    SubmissionOption(
        "expires_in", NumberType(), "Seconds after which it is cancelled if it has not started.", EXPIRES_IN
    ),
    SubmissionOption("tags", ListOf(Text()), "Words to find it by, beside those of its type."),
    SubmissionOption(
        "limits", ListOf(Text()), "Limits that it takes from, beside those of its type and queue."
    ),
    SubmissionOption(
        "unique_key", Text(), "Its unique key, in place of the one that its type makes of the payload."
    ),
)


def spelled_options(language: str, spell: Callable[[Type], str]) -> list[dict[str, Any]]:
    """The options as templates of a language see them; `spell` makes an annotation of a type."""
    return [
        {
            "name": option.name,
            language: spell(option.type),
            "description": option.description,
            "bounds": option.bounds,
        }
        for option in SUBMISSION_OPTIONS
    ]
