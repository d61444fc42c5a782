"""What may be told of a change: an event, as a value and as JSON."""

from dataclasses import dataclass
from uuid import UUID

import orjson


@dataclass(frozen=True, slots=True)
class JobsChanged:
    """These jobs entered a state (one of corral.job.state.State)."""

    state: str
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Progressed:
    """A running job says how far it is."""

    id: UUID
    percent: int
    message: str | None


@dataclass(frozen=True, slots=True)
class Logged:
    """These jobs have new log lines."""

    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """A queue was paused, resumed, cleaned or set."""

    queue: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Events were missed: read the rows again. Made where a listener lost some, and sent in place of those that nobody heard."""


Event = JobsChanged | Progressed | Logged | QueueChanged


def dump(event: Event | Gap) -> bytes:
    """An event as JSON."""
    match event:
        case JobsChanged(state=state, ids=ids):
            return orjson.dumps({"k": "jobs", "s": state, "ids": ids})
        case Progressed(id=job, percent=percent, message=message):
            return orjson.dumps({"k": "progress", "id": job, "p": percent, "m": message})
        case Logged(ids=ids):
            return orjson.dumps({"k": "logs", "ids": ids})
        case QueueChanged(queue=queue):
            return orjson.dumps({"k": "queue", "q": queue})
        case Gap():
            return b'{"k":"gap"}'


def parse(text: bytes) -> Event | Gap | None:
    """The event that JSON spells; None for a kind that a newer release may know.

    Raises:
        ValueError: it is none of ours.
    """
    try:
        said = orjson.loads(text)
        match said["k"]:
            case "jobs":
                return JobsChanged(str(said["s"]), tuple(map(UUID, said["ids"])))
            case "progress":
                return Progressed(UUID(said["id"]), int(said["p"]), said["m"])
            case "logs":
                return Logged(tuple(map(UUID, said["ids"])))
            case "queue":
                return QueueChanged(str(said["q"]))
            case "gap":
                return Gap()
            case _:
                return None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an event: {text[:100]!r}") from error
