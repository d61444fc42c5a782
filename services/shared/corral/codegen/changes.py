"""What became of job types since code was generated from them, and in which order to deploy the change."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from corral.codegen.job_definition import JobDefinition
from corral.codegen.schema_changes import broken

_WIDER: Final = "Deploy workers before producers: the old workers do not know what is new."
_PAYLOAD: Final = (
    "Deploy workers that take both forms first, then producers made anew, and workers that take the new form alone last:"
    " jobs of the old form may wait in queues."
)
_RESULT: Final = "Deploy programs that read results with the client made anew first, then workers."
_GONE: Final = "Deploy producers without it first, let its queue run empty, then take it from the workers."
_NEW: Final = "Deploy workers before producers: until then its jobs wait."


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that became different."""

    job_type: str
    place: str
    """`payload/to`, `result/pages`, or nothing for the type itself."""
    what: str
    """`removed: …`, `renamed: …`, `narrowed: …`, `required: …`, or what is new."""
    breaking: bool
    """Whether programs made before go wrong with it."""
    order: str
    """In which order to deploy it."""

    def __str__(self) -> str:
        where = f"{self.job_type} {self.place}".rstrip()
        return f"{'breaking: ' if self.breaking else ''}{where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Known:
    """What generated code remembers of a job type."""

    payload_schema: Any
    result_schema: Any
    queues: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        return {
            "payload_schema": self.payload_schema,
            "result_schema": self.result_schema,
            "queues": list(self.queues),
        }


def known_of(definition: JobDefinition) -> Known:
    """What is remembered of a job type."""
    return Known(definition.payload_schema, definition.result_schema, definition.queues)


def changes(old: Mapping[str, Known], new: Mapping[str, Known]) -> list[Change]:
    """All that became different, the breaking first, by job type."""
    found: list[Change] = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            found.append(Change(name, "", "removed: there is no such job type any more", True, _GONE))
        elif name not in old:
            found.append(Change(name, "", "a new job type", False, _NEW))
        else:
            found += _of_type(name, old[name], new[name])
    return sorted(found, key=lambda one: (not one.breaking, one.job_type, one.place))


def orders(found: Iterable[Change]) -> Iterator[tuple[str, list[Change]]]:
    """Changes that are deployed in one order, with that order."""
    by_order: dict[str, list[Change]] = {}
    for one in found:
        by_order.setdefault(one.order, []).append(one)
    yield from by_order.items()


def _of_type(name: str, old: Known, new: Known) -> Iterator[Change]:
    for queue in sorted(set(old.queues) - set(new.queues)):
        yield Change(name, "queue", f"removed: it may not be in {queue} any more", True, _GONE)
    for queue in sorted(set(new.queues) - set(old.queues)):
        yield Change(name, "queue", f"it may be in {queue}, too", False, _NEW)
    worse = dict(broken(old.payload_schema, new.payload_schema))
    for place, what in worse.items():
        yield Change(name, f"payload{place}", what, True, _PAYLOAD)
    for place, what in broken(new.payload_schema, old.payload_schema):
        if place not in worse and not any(place.startswith(f"{one}/") for one in worse):
            yield Change(name, f"payload{place}", _wider(what), False, _WIDER)
    yield from _of_result(name, old.result_schema, new.result_schema)


def _of_result(name: str, old: Any, new: Any) -> Iterator[Change]:
    """A result is read by programs made before: they go wrong with what they did not expect."""
    for place, what in broken(new, old):
        verb, _, reason = what.partition(": ")
        match verb:
            case "removed":  # a member more, which old programs pass over
                yield Change(name, f"result{place}", "it is new", False, _WIDER)
                continue
            case "required":
                words = "removed: it is not always there any more"
            case "renamed":
                words = f"renamed: it was called {reason.removeprefix('it is called ').removesuffix(' now')}"
            case _:
                words = f"widened: it may be what it was not before ({reason.removesuffix(' any more')})"
        yield Change(name, f"result{place}", words, True, _RESULT)


def _wider(what: str) -> str:
    verb, _, reason = what.partition(": ")
    match verb:
        case "removed":
            return "it is new"
        case "required":
            return "it may be left out now"
        case "renamed":
            return f"it was called {reason.removeprefix('it is called ').removesuffix(' now')}"
        case _:
            return f"wider than before ({reason.removesuffix(' any more')} before)"
