"""Job types as the generator sees them: from a catalog, or from a publisher that has them registered."""

import fnmatch
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from corral.catalog.catalog import Catalog
from corral.catalog.declaration import JobType
from corral.catalog.record import TypeRecord
from corral.client import Client
from corral.errors import DeclarationError
from corral.job.options import Executor

DEMO: Final = "demo."
"""What the names of job types begin with that only show what Corral does."""


@dataclass(frozen=True, slots=True)
class DeclarationSite:
    """Where the declaration of a job type stands in Python code."""

    module: str
    variable: str
    executor: Executor
    payload_model: Any
    result_model: Any
    handled_in: str | None
    """The module of its handler, where one is attached."""


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """A job type: what it takes, what it gives, where it may be queued, what it declares."""

    name: str
    description: str | None
    payload_schema: dict[str, Any] | None
    result_schema: dict[str, Any] | None
    queue: str
    queues: tuple[str, ...]
    """All that a submission may name, sorted."""
    options: Mapping[str, Any]
    """Those that the declaration gives, as JSON by name."""
    declared: DeclarationSite | None = None
    """None where only a publisher told of it."""


def of_catalog(catalog: Catalog) -> list[JobDefinition]:
    """The job types that a program declares, by name.

    Raises:
        DeclarationError: a model's own code raises where its JSON Schema is made.
    """
    return [_definition(record, _declared(catalog.types[record.name])) for record in catalog.records()]


def of_server(client: Client) -> list[JobDefinition]:
    """The job types that a publisher knows, by name.

    Raises:
        Unreachable, ApiProblem: it does not answer, or refuses.
    """
    told = sorted(client.pages("/types"), key=lambda one: str(one["name"]))
    return [
        _definition(
            TypeRecord(
                name=one["name"],
                payload_schema=one["payload_schema"],
                result_schema=one["result_schema"],
                options={
                    option: value
                    for option, value in one["options"].items()
                    if one["sources"].get(option) == "type"
                },
                version=one["version"],
                description=one["description"],
            )
        )
        for one in told
    ]


def queues_of_catalog(catalog: Catalog) -> dict[str, Mapping[str, Any]]:
    """What code declares for queues, as JSON by the queue's name."""
    return {name: queue.values for name, queue in catalog.declared_queues.items()}


def queues_of_server(client: Client) -> dict[str, Mapping[str, Any]]:
    """The same, as a publisher knows it.

    Raises:
        Unreachable, ApiProblem: it does not answer, or refuses.
    """
    return {one["name"]: one["declared"] for one in client.pages("/queues")}


def chosen(definitions: Iterable[JobDefinition], patterns: Sequence[str]) -> list[JobDefinition]:
    """Those whose name fits one of the patterns (`mail.*`); without a pattern all but the demonstrations.

    Raises:
        DeclarationError: a pattern fits none.
    """
    known = list(definitions)
    if not patterns:
        return [one for one in known if not one.name.startswith(DEMO)]
    for pattern in patterns:
        if not fnmatch.filter([one.name for one in known], pattern):
            names = ", ".join(one.name for one in known) or "none"
            raise DeclarationError(f"no job type is called {pattern!r}; there are: {names}")
    return [one for one in known if any(fnmatch.fnmatchcase(one.name, pattern) for pattern in patterns)]


def _definition(record: TypeRecord, declared: DeclarationSite | None = None) -> JobDefinition:
    read = record.parsed_options
    return JobDefinition(
        name=record.name,
        description=record.description,
        payload_schema=record.payload_schema,
        result_schema=record.result_schema,
        queue=read.queue,
        queues=tuple(sorted(read.queues | {read.queue})),
        options=dict(sorted(record.options.items())),
        declared=declared,
    )


def _declared(job_type: JobType[Any, Any]) -> DeclarationSite | None:
    names = vars(sys.modules.get(job_type.module, object)) if job_type.module in sys.modules else {}
    variable = next((name for name, value in names.items() if value is job_type), None)
    if variable is None:
        return None
    attached = job_type.attached
    return DeclarationSite(
        module=job_type.module,
        variable=variable,
        executor=job_type.executor,
        payload_model=job_type.payload_model,
        result_model=job_type.result_model,
        handled_in=attached.function.__module__ if attached else None,
    )
