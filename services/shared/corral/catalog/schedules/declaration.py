"""Declaring a schedule beside the job types: `nightly = schedule("nightly", report, cron="30 2 * * *")`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack

from pydantic import BaseModel, TypeAdapter

from corral import frames, json_codec
from corral.catalog.declaration import JobType
from corral.catalog.record import release_of
from corral.catalog.schedules.definition import ScheduleDefinition
from corral.errors import DeclarationError, InvalidInput


class ScheduleKeywords(TypedDict, total=False):
    """The options of a schedule; docs/reference/schedules.md says what each means."""

    cron: str
    interval: float | timedelta
    """Seconds, or a timedelta."""
    zone: str
    twice: str
    skipped: str
    start: datetime | str
    end: datetime | str
    excluded: Sequence[str]
    jitter: float
    overlap: str
    catch_up: float
    pause_after: int
    tick_field: str
    queue: str
    priority: str
    retries: int
    timeout: float
    expires_in: float
    tags: Sequence[str]
    description: str


@dataclass(frozen=True)
class DeclaredSchedule:
    """A schedule that code declares."""

    name: str
    fields: Mapping[str, Any]
    module: str
    """The module that declares its job type: its release is the version of the schedule."""

    @property
    def version(self) -> str:
        """`<release of the package>+<hash of the fields>`, compared as those of job types."""
        digest = hashlib.sha256(json.dumps(self.fields, sort_keys=True, default=str).encode()).hexdigest()[
            :12
        ]
        return f"{release_of(self.module)}+{digest}"


def schedule(
    name: str,
    type: JobType[Any, Any],  # noqa: A002  # as everywhere
    payload: Any = None,
    **options: Unpack[ScheduleKeywords],
) -> DeclaredSchedule:
    """Declare a schedule; `corral types register` stores it together with the job types.

    Args:
        name: lower-case letters, digits, dots and dashes; operators find it by this name.
        type: the declared job type.
        payload: an instance of its model, or JSON.
        options: `cron` or `interval`, and whatever else docs/reference/schedules.md lists.

    Raises:
        DeclarationError: names each option that is wrong.
    """
    fields: dict[str, Any] = {"type": type.name, **_plain(options)}
    if payload is not None:
        fields["payload"] = _json(name, type, payload)
    try:
        ScheduleDefinition.parse(name, fields, new=fields)
    except InvalidInput as error:
        raise DeclarationError(f"schedule {name}: {error}") from error
    return DeclaredSchedule(name, fields, type.module)


def one_schedule_of_each_name(declared: Sequence[DeclaredSchedule]) -> dict[str, DeclaredSchedule]:
    """The schedules by name.

    Raises:
        DeclarationError: two of one name differ.
    """
    found: dict[str, DeclaredSchedule] = {}
    for one in declared:
        if found.setdefault(one.name, one) != one:
            raise DeclarationError(f"schedule {one.name} is declared twice")
    return found


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as JSON has them."""
    plain: dict[str, Any] = {}
    for option, value in options.items():
        match value:
            case timedelta():
                plain[option] = value.total_seconds()
            case datetime():
                plain[option] = value.isoformat()
            case tuple():
                plain[option] = list(value)
            case _:
                plain[option] = value
    return plain


def _json(name: str, type: JobType[Any, Any], payload: Any) -> Any:  # noqa: A002
    try:
        if isinstance(payload, BaseModel):
            text = payload.model_dump_json().encode()
        elif type.payload_adapter is not None and not isinstance(payload, Mapping):
            text = type.payload_adapter.dump_json(payload)
        else:
            text = TypeAdapter(Any).dump_json(payload)
        return json_codec.loads(text)
    except Exception as error:
        raise DeclarationError(
            f"schedule {name}: its payload has no JSON: {frames.described(error)}"
        ) from error
