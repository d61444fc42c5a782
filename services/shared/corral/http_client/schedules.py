"""Schedules for the Python client: `Client(…).schedules`."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from corral.http_client.api_calls import ApiCalls, Json
from corral.http_client.api_request import path_of


class ScheduleClient:
    """Schedules of one publisher. Answers are JSON, as docs/reference/api.md has it.

    Every method raises, beside what it says:
        ApiProblem: the publisher refused it; `fields` names what is wrong.
        Unreachable: the publisher did not answer.
    """

    def __init__(self, api: ApiCalls) -> None:
        self._api = api

    def list(self, *, limit: int | None = None) -> Iterator[Json]:
        """All schedules by name, without their payloads."""
        return self._api.pages("/schedules", limit=limit)

    def get(self, name: str) -> Json:
        """The schedule of that name."""
        return self._api.get(path_of("schedules", name))

    def create(self, name: str, type: str, payload: Json = None, **fields: Json) -> Json:  # noqa: A002
        """Make a schedule; `fields` are those of docs/reference/schedules.md: cron, zone, overlap and so on."""
        return self._api.post(
            "/schedules", {"name": name, "type": type, "payload": payload, **_plain(fields)}
        )

    def set(self, name: str, *, reset: Sequence[str] = (), **fields: Json) -> Json:
        """Change fields; None is no such field, `reset` names those that go back to what was declared."""
        return self._api.patch(path_of("schedules", name), {**_plain(fields), "reset": [*reset]})

    def pause(self, name: str, note: str | None = None) -> Json:
        """Submit nothing until it is resumed; the note says why."""
        return self._api.post(path_of("schedules", name, "pause"), {"note": note})

    def resume(self, name: str) -> Json:
        """Go on with the first tick after now."""
        return self._api.post(path_of("schedules", name, "resume"))

    def run(self, name: str) -> Json:
        """Submit its job once, now; the answer is the job."""
        return self._api.post(path_of("schedules", name, "run-now"))

    def backfill(
        self, name: str, start: datetime | str, end: datetime | str, *, dry_run: bool = False
    ) -> Json:
        """Submit a job for each tick of a range of the past that has none."""
        body = _plain({"start": start, "end": end}) | {"dry_run": dry_run}
        return self._api.post(path_of("schedules", name, "backfill"), body)

    def delete(self, name: str) -> None:
        """Delete it; its jobs stay."""
        self._api.delete(path_of("schedules", name))

    def times(self, name: str, count: int = 10) -> Json:
        """Its next times."""
        return self._api.get(path_of("schedules", name, "times"), count=count)["items"]

    def ticks(self, name: str, *, limit: int | None = None) -> Iterator[Json]:
        """What became of its ticks, newest first."""
        return self._api.pages(path_of("schedules", name, "ticks"), limit=limit)

    def why(self, name: str) -> Json:
        """Why it submits nothing now, and why its last ticks had no job."""
        return self._api.get(path_of("schedules", name, "why"))["causes"]


def _plain(fields: dict[str, Json]) -> dict[str, Json]:
    """Times as text."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()
    }
