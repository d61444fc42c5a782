"""All that is generated from, in words that belong to no language: job types, their types, queues, options."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from corral.catalog.payloads.validation import Validator
from corral.catalog.record import TypeRecord
from corral.codegen import names
from corral.codegen.job_definition import JobDefinition
from corral.codegen.rules import Rule, rules_of
from corral.codegen.schema_reader import SchemaReader
from corral.codegen.typed_model import Anything, Definition, Named, Type
from corral.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class JobModel:
    """One job type."""

    definition: JobDefinition
    name: str
    """`MailWelcome`: what the names of its types begin with."""
    payload: Type
    result: Type
    definitions: tuple[Definition, ...]
    """Of payload and result, in the schemas' order."""
    rules: Mapping[str, Rule]
    payload_optional: bool
    """Whether a submission may leave the payload out."""


@dataclass(frozen=True, slots=True)
class QueueModel:
    """A queue, and the job types that may be in it."""

    name: str
    job_types: tuple[str, ...]
    declared: Mapping[str, Any]
    """What code declares for all jobs in it, as JSON by option."""


@dataclass(frozen=True, slots=True)
class Project:
    """Everything, sorted by name."""

    jobs: tuple[JobModel, ...]
    queues: tuple[QueueModel, ...]

    @property
    def told(self) -> dict[str, Any]:
        """What the templates of every language are told in the same words: job types, and queues with their constants."""
        constants = names.apart([queue.name for queue in self.queues], names.constant, frozenset({"QUEUES"}))
        options = {job.definition.name: dict(job.definition.options) for job in self.jobs}
        queues = [
            {
                "name": queue.name,
                "constant": constants[queue.name],
                "job_types": queue.job_types,
                "declared": dict(queue.declared),
                "options": {one: options[one] for one in queue.job_types},
            }
            for queue in self.queues
        ]
        return {"job_types": list(options), "queues": queues}


def project_of(definitions: Iterable[JobDefinition], declared: Mapping[str, Mapping[str, Any]]) -> Project:
    """Read the schemas of all job types; `declared` is what code says for queues, by name."""
    ordered = sorted(definitions, key=lambda one: one.name)
    spelled = names.apart([one.name for one in ordered], names.pascal, frozenset())
    jobs = _apart([_job(one, spelled[one.name]) for one in ordered])
    queues = sorted({queue for one in ordered for queue in one.queues})
    return Project(
        jobs=tuple(jobs),
        queues=tuple(
            QueueModel(
                queue,
                tuple(one.name for one in ordered if queue in one.queues),
                dict(sorted(declared.get(queue, {}).items())),
            )
            for queue in queues
        ),
    )


def _job(definition: JobDefinition, name: str) -> JobModel:
    made: list[Definition] = []
    payload = _read(definition.payload_schema, name, f"{name}Payload", made)
    result = _read(definition.result_schema, f"{name}Result", f"{name}Result", made)
    return JobModel(
        definition=definition,
        name=name,
        payload=payload,
        result=result,
        definitions=tuple(made),
        rules=rules_of(definition.payload_schema),
        payload_optional=_takes_nothing(definition),
    )


def _read(schema: Any, prefix: str, root: str, into: list[Definition]) -> Type:
    if schema is None:
        return Anything()
    into += SchemaReader(schema, prefix, root).definitions.values()
    return Named(root)


def _takes_nothing(definition: JobDefinition) -> bool:
    """Whether `{}`, for which a payload that is left out stands, is taken."""
    record = TypeRecord(definition.name, definition.payload_schema, None, {}, "0")
    try:
        Validator(record).check({})
    except InvalidInput:
        return False
    return True


def _apart(jobs: list[JobModel]) -> list[JobModel]:
    """The same; two definitions of one name can't be: `a` with a model `BX` and `a.b` with a model `X`."""
    seen: dict[str, str] = {}
    made = []
    for job in jobs:
        clashing = {one.name for one in job.definitions if one.name in seen}
        seen |= {one.name: job.name for one in job.definitions}
        if clashing:
            job = replace(job, **_renamed(job, f"{job.name}_"))  # noqa: PLW2901
        made.append(job)
    return made


def _renamed(job: JobModel, prefix: str) -> dict[str, Any]:
    schema = job.definition
    again: list[Definition] = []
    payload = _read(schema.payload_schema, prefix, f"{prefix}Payload", again)
    result = _read(schema.result_schema, f"{prefix}Result_", f"{prefix}Result", again)
    return {"payload": payload, "result": result, "definitions": tuple(again)}
