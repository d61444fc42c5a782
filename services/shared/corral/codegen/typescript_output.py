"""What the templates of TypeScript are told: job types, definitions and queues in TypeScript's words."""

from typing import Any, Final

from corral.codegen import names, source_text
from corral.codegen.project import JobModel, Project
from corral.codegen.python_output import is_result, without
from corral.codegen.submission_options import spelled_options
from corral.codegen.typed_model import Anything, Definition, Record, RecordField, Type
from corral.codegen.typescript_types import alternatives, expression, member

FILES: Final = ("index.ts", "client.ts", "models.ts", "queues.ts", "rules.ts", "runtime.ts", "validation.ts")
_OF_CLIENT: Final = frozenset({"call", "follow", "submitMany", "http", "constructor"})
"""Names that a client has already."""


def context(project: Project) -> dict[str, Any]:
    """All that the templates see."""
    jobs = project.jobs
    attributes = names.apart([job.definition.name for job in jobs], names.camel, _OF_CLIENT)
    return {
        **project.told,
        "jobs": [_job(job, attributes[job.definition.name]) for job in jobs],
        "queue_names": _literal([queue.name for queue in project.queues]),
        "rules": {job.definition.name: without(dict(job.rules), "python") for job in jobs},
        "options": spelled_options("typescript", lambda kind: expression(kind, sent=True)),
    }


def _job(job: JobModel, attribute: str) -> dict[str, Any]:
    definition = job.definition
    queues = f" It may be in {', '.join(definition.queues)}." if len(definition.queues) > 1 else ""
    doc = f"{definition.description or 'Jobs of one type.'}\n\nJob type {definition.name}, queue {definition.queue}.{queues}"
    return {
        "type": definition.name,
        "name": job.name,
        "attribute": attribute,
        "payload": _of_models(job.payload),
        "payload_optional": job.payload_optional,
        "result": _of_models(job.result),
        "queue_type": _literal(list(definition.queues)),
        "doc": source_text.block_comment(doc, indent=2),
        "definitions": [_definition(one, sent=not is_result(one, job)) for one in job.definitions],
    }


def _of_models(kind: Type) -> str:
    told = expression(kind, sent=True)
    return told if isinstance(kind, Anything) else f"models.{told}"


def _literal(values: list[str]) -> str:
    return " | ".join(map(source_text.typescript_value, values)) or "never"


def _definition(definition: Definition, *, sent: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": definition.name,
        "doc": source_text.block_comment("\n\n".join(definition.notes) or f"{definition.name}."),
    }
    if isinstance(definition.type, Record):
        return made | {
            "kind": "interface",
            "fields": [_field(one, sent=sent) for one in definition.type.fields],
            "rest": _rest(definition.type, sent=sent),
        }
    return made | {"kind": "alias", "type": _wide(definition.type, sent=sent)}


def _rest(record: Record, *, sent: bool) -> str:
    """The type of further members, which must be one of those of the known, too."""
    if record.rest is None:
        return ""
    parts = alternatives(record.rest, sent=sent)
    if parts == ["unknown"]:
        return "unknown"
    for field in record.fields:
        parts += alternatives(field.type, sent=sent)
    if any(not field.required for field in record.fields):
        parts.append("undefined")
    return " | ".join(dict.fromkeys(parts))


def _field(field: RecordField, *, sent: bool) -> dict[str, Any]:
    parts = list(dict.fromkeys(alternatives(field.type, sent=sent)))
    if not field.required and "unknown" not in parts:
        parts.append("undefined")
    start = f"{'readonly ' if sent else ''}{member(field.name)}{'' if field.required else '?'}: "
    line = start + " | ".join(parts)
    if len(line) + 3 > source_text.WIDTH and len(parts) > 1:
        line = start + "".join(f"\n    | {part}" for part in parts)
    doc = source_text.block_comment("\n\n".join(field.notes), indent=2) if field.notes else ""
    return {"name": field.name, "line": line, "doc": doc}


def _wide(kind: Type, *, sent: bool) -> str:
    parts = list(dict.fromkeys(alternatives(kind, sent=sent)))
    line = " | ".join(parts)
    return line if len(line) < source_text.WIDTH - 30 else "".join(f"\n  | {part}" for part in parts)
