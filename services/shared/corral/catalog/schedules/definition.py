"""What a schedule is, as data: which job, at which times, under which policy. One check for code, API and the leader."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from corral.errors import FieldError, InvalidInput
from corral.job import moment
from corral.job.bounds import Bounds
from corral.job.limits import EXPIRES_IN, MAX_NAME, MAX_TAGS, NAME_PATTERN, RETRIES, TIMEOUT
from corral.job.options import tag_fault
from corral.job.priority import Priority
from corral.job.shown import shown
from corral.json_pointer import escaped
from corral.schedule.clock_change import Skipped, Twice
from corral.schedule.cron import Cron
from corral.schedule.days import dates_of
from corral.schedule.decision import Overlap, Policy
from corral.schedule.timetable import LEAST, MAX_JITTER, MOST, Dates, Timetable

MAX_SCHEDULE_NAME = 80
"""Characters: it stands in a tag of its jobs."""
MAX_EXCLUDED = 400
INTERVAL = Bounds(LEAST.total_seconds(), MOST.total_seconds(), "seconds")
JITTER = Bounds(0, MAX_JITTER, "seconds")
CATCH_UP = Bounds(0, 366 * 86_400, "seconds")
PAUSE_AFTER = Bounds(1, 1_000, "failed jobs", whole=True)
MAX_DESCRIPTION = 500

TIMING = ("cron", "interval", "zone", "twice", "skipped", "start", "end", "excluded")
"""The fields that say when there are ticks; a change of one counts from the moment it is made."""
JOB = ("type", "payload", "tick_field", "queue", "priority", "retries", "timeout", "expires_in", "tags")
"""The fields that say which job a tick submits."""
FIELDS = (*JOB, *TIMING, "jitter", "overlap", "catch_up", "pause_after", "description")

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ScheduleDefinition:
    """A checked schedule."""

    name: str
    type: str
    timetable: Timetable
    policy: Policy
    payload: Any
    tick_field: str | None
    """The field of the payload that gets the tick's time, as text in UTC."""
    queue: str | None
    priority: Priority | None
    retries: int | None
    timeout: float | None
    expires_in: float | None
    tags: tuple[str, ...]
    description: str

    @classmethod
    def parse(
        cls, name: str, fields: Mapping[str, Any], *, new: Collection[str] = ()
    ) -> "ScheduleDefinition":
        """The schedule that these JSON fields mean.

        `new` are fields that somebody writes now. What earlier releases took of the others goes on to mean what it did.

        Raises:
            InvalidInput: names every field that is wrong.
        """
        reading = _Reading(fields, new)
        reading.unknown()
        reading.name(name)
        made = reading.definition(name)
        if reading.wrong or made is None:
            raise InvalidInput(*reading.wrong[:20])
        return made

    def payload_at(self, tick: datetime) -> Any:
        """The payload of a tick's job."""
        if self.tick_field is None:
            return self.payload
        return {**(self.payload or {}), self.tick_field: written(tick)}


def written(tick: datetime) -> str:
    """A tick as text: RFC 3339, in UTC."""
    return tick.astimezone(UTC).isoformat().replace("+00:00", "Z")


def zone_of(name: object) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        ValueError: there is none; the message says it.
    """
    if not isinstance(name, str):
        raise ValueError(f"is {shown(name)}, which is no time zone; one is Europe/Berlin")  # noqa: TRY004
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, as Europe
        raise ValueError(f"{name[:100]!r} is no time zone; one is Europe/Berlin") from None


class _Reading:
    """Reads fields one after the other and collects what is wrong with them."""

    def __init__(self, fields: Mapping[str, Any], new: Collection[str]) -> None:
        self._fields = fields
        self._new = new
        self.wrong: list[FieldError] = []

    def unknown(self) -> None:
        self.wrong += [
            FieldError(f"/{escaped(field)}", f"is no field of a schedule; known: {', '.join(FIELDS)}")
            for field in self._fields
            if field not in FIELDS
        ]

    def name(self, name: str) -> None:
        if not re.fullmatch(NAME_PATTERN, name) or len(name) > MAX_SCHEDULE_NAME:
            words = f"{name[:100]!r} is no name: use up to {MAX_SCHEDULE_NAME} lower-case letters, digits, dots, dashes"
            self._refuse("name", words)

    def definition(self, name: str) -> ScheduleDefinition | None:
        timetable, policy = self._timetable(name), self._policy()
        payload, tick_field = self._fields.get("payload"), self._text("tick_field", MAX_NAME)
        if tick_field is not None and not (payload is None or isinstance(payload, Mapping)):
            self._refuse("tick_field", "needs a payload that is an object, to put the tick's time in")
        job_type = self._text("type", MAX_NAME)
        if job_type is None and "type" not in {one.pointer[1:] for one in self.wrong}:
            self._refuse("type", "is required: the job type that a tick submits")
        priority = self._one_of("priority", Priority)
        options = {
            "queue": self._text("queue", MAX_NAME),
            "retries": self._number("retries", RETRIES),
            "timeout": self._number("timeout", TIMEOUT),
            "expires_in": self._number("expires_in", EXPIRES_IN),
            "tags": tuple(self._list("tags", MAX_TAGS - 1, _tag)),  # one more names the schedule
            "description": self._text("description", MAX_DESCRIPTION) or "",
        }
        if timetable is None or job_type is None:
            return None
        return ScheduleDefinition(
            name=name,
            type=job_type,
            timetable=timetable,
            policy=policy,
            payload=payload,
            tick_field=tick_field,
            priority=priority,
            **options,
        )

    def _timetable(self, name: str) -> Timetable | None:
        before = len(self.wrong)
        zone = self._read("zone", zone_of) or ZoneInfo("UTC")
        every = self._every()
        values = {
            "twice": self._one_of("twice", Twice),
            "skipped": self._one_of("skipped", Skipped) or Skipped.SHIFT,
            "start": self._read("start", _moment),
            "end": self._read("end", _moment),
            "excluded": tuple(self._list("excluded", MAX_EXCLUDED, self._dates)),
            "jitter": self._number("jitter", JITTER) or 0,
        }
        if len(self.wrong) > before or every is None:
            return None
        try:
            return Timetable(every=every, zone=zone, seed=name, **values)
        except InvalidInput as error:
            self.wrong += error.errors
            return None

    def _every(self) -> Cron | timedelta | None:
        given = [field for field in ("cron", "interval") if self._fields.get(field) is not None]
        if len(given) != 1:
            words = "give cron or interval" if not given else "can't be given together with interval"
            self._refuse("cron", words)
            return None
        if given == ["interval"]:
            seconds = self._number("interval", INTERVAL)
            return None if seconds is None else timedelta(seconds=seconds)
        text = self._text("cron", 200)
        try:
            return None if text is None else Cron.parse(text, new="cron" in self._new)
        except InvalidInput as error:
            self.wrong += error.errors
            return None

    def _dates(self, text: object) -> Dates:
        if not isinstance(text, str):
            raise ValueError(f"is {shown(text)}; it must be a day as text, such as 2026-12-24")  # noqa: TRY004
        return dates_of(text, new="excluded" in self._new)

    def _policy(self) -> Policy:
        after = self._number("pause_after", PAUSE_AFTER)
        return Policy(
            self._one_of("overlap", Overlap) or Overlap.SKIP,
            self._number("catch_up", CATCH_UP),
            None if after is None else int(after),
        )

    def _text(self, field: str, most: int) -> str | None:
        value = self._fields.get(field)
        if value is None:
            return None
        if not isinstance(value, str):
            self._refuse(field, f"is {shown(value)}; it must be text")
        elif not value or len(value) > most or not value.isprintable():
            self._refuse(field, f"is not 1 to {most} printable characters")
        else:
            return value
        return None

    def _number(self, field: str, bounds: Bounds) -> Any:
        value = self._fields.get(field)
        if value is not None and (fault := bounds.fault(value)) is not None:
            self._refuse(field, fault)
            return None
        return value

    def _one_of(self, field: str, kind: type[E]) -> E | None:
        value = self._fields.get(field)
        try:
            return None if value is None else kind(value)
        except ValueError:
            self._refuse(field, f"is {shown(value)}; it must be one of {', '.join(kind)}")
            return None

    def _read(self, field: str, read: Callable[[Any], Any]) -> Any:
        value = self._fields.get(field)
        try:
            return None if value is None else read(value)
        except ValueError as error:
            self._refuse(field, str(error))
            return None

    def _list(self, field: str, most: int, read: Callable[[Any], Any]) -> Iterator[Any]:
        values = self._fields.get(field)
        if values is None:
            return
        if not isinstance(values, list | tuple):
            self._refuse(field, "is no list")
            return
        if len(values) > most:
            self._refuse(field, f"has {len(values):,} items; it must have at most {most:,}")
            return
        for at, value in enumerate(values):
            try:
                yield read(value)
            except ValueError as error:
                self._refuse(f"{field}/{at}", str(error))

    def _refuse(self, field: str, words: str) -> None:
        self.wrong.append(FieldError(f"/{field}", words))


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError(f"is not a time as text, such as {moment.EXAMPLE}")  # noqa: TRY004
    return moment.parse(value)


def _tag(value: object) -> str:
    if (fault := tag_fault(value)) is not None:
        raise ValueError(fault)
    return str(value)
