"""What the templates of Python are told: job types, definitions and queues in Python's words."""

import json
import keyword
import re
from collections.abc import Mapping
from typing import Any, Final

from corral.codegen import names, source_text
from corral.codegen.project import JobModel, Project
from corral.codegen.python_types import IMPORTED, alternatives, expression, is_plain
from corral.codegen.submission_options import spelled_options
from corral.codegen.typed_model import Anything, Definition, Record, RecordField, Type

FILES: Final = (
    "__init__.py",
    "client.py",
    "models.py",
    "queues.py",
    "rules.py",
    "runtime.py",
    "validation.py",
)
_OF_CLIENT: Final = frozenset({"call", "close", "follow", "submit_many", "_http", "_url", "_headers"})
"""Names that a client has already."""
_MODULES: Final = (
    ("datetime", frozenset({"date", "datetime", "time", "timedelta"})),
    ("decimal", frozenset({"Decimal"})),
    ("typing", frozenset({"Any", "Literal", "Never", "NotRequired", "TypeAlias", "TypedDict"})),
    ("uuid", frozenset({"UUID"})),
)
_WORD: Final = re.compile(r"(?<![\w.])[A-Za-z]\w*")
_STRING: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
"""A literal within an annotation."""


def context(project: Project) -> dict[str, Any]:
    """All that the templates see."""
    known = frozenset(definition.name for job in project.jobs for definition in job.definitions)
    jobs = project.jobs
    attributes = names.apart([job.definition.name for job in jobs], _attribute, _OF_CLIENT)
    told = [_job(job, attributes[job.definition.name], known) for job in jobs]
    return {
        **project.told,
        "jobs": told,
        "uses_any": any("Any" in (job["payload"], job["result"]) for job in told),
        "runtime_imports": _producers(told),
        "imports": _imports(told),
        "queue_names": _literal([queue.name for queue in project.queues]),
        "rules": {job.definition.name: _rules(job.rules) for job in jobs},
        "options": spelled_options("python", lambda kind: expression(kind, sent=True)),
    }


def _imports(jobs: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """What the models need, by module."""
    definitions = [definition for job in jobs for definition in job["definitions"]]
    kinds = {definition["kind"] for definition in definitions}
    needed = {"TypeAlias"} if "alias" in kinds else set()
    if kinds & {"class", "dictionary"}:
        needed.add("TypedDict")
    for definition in definitions:
        fields = definition.get("fields", ())
        texts = [definition.get("quoted", ""), *(one.get("annotated", one.get("quoted")) for one in fields)]
        for text in texts:
            needed |= {word for word in _WORD.findall(_STRING.sub("", _opened(text))) if word in IMPORTED}
    return [
        (module, sorted(needed & here, key=lambda name: (not name.isupper(), name)))
        for module, here in _MODULES
        if needed & here
    ]


def _producers(jobs: list[dict[str, Any]]) -> list[str]:
    """What the client needs of the runtime."""
    kinds = {"OptionalProducer" if job["payload_optional"] else "Producer" for job in jobs}
    needed = {f"{prefix}{kind}" for prefix in ("", "Async") for kind in {"Http", *kinds}}
    return sorted(needed)


def _opened(text: str) -> str:
    """An annotation without the quotes around the whole of it."""
    return json.loads(text) if text.startswith('"') else text


def _attribute(name: str) -> str:
    spelled = names.snake(name)
    return f"{spelled}_" if keyword.iskeyword(spelled) else spelled


def _job(job: JobModel, attribute: str, known: frozenset[str]) -> dict[str, Any]:
    definition = job.definition
    queues = f" It may be in {', '.join(definition.queues)}." if len(definition.queues) > 1 else ""
    doc = f"{_sentence(definition.description)}\n\nJob type {definition.name}, queue {definition.queue}.{queues}"
    return {
        "type": definition.name,
        "name": job.name,
        "attribute": attribute,
        "payload": _of_models(job.payload),
        "of_models": not isinstance(job.payload, Anything) or not isinstance(job.result, Anything),
        "payload_optional": job.payload_optional,
        "result": _of_models(job.result),
        "queue_type": _literal(list(definition.queues)),
        "doc": source_text.docstring(doc),
        "definitions": [_definition(one, known, sent=not is_result(one, job)) for one in job.definitions],
    }


def is_result(definition: Definition, job: JobModel) -> bool:
    """Whether a definition is what comes back, rather than what is sent."""
    return definition.name.startswith(f"{job.name}Result") or definition.name.startswith(f"{job.name}_Result")


def _sentence(text: str | None) -> str:
    return text or "Jobs of one type."


def _of_models(kind: Type) -> str:
    told = expression(kind, sent=True)
    return told if isinstance(kind, Anything) else f"models.{told}"


def _literal(values: list[str]) -> str:
    return f"Literal[{', '.join(map(source_text.python_string, values))}]" if values else "Never"


def _rules(rules: Mapping[str, Any]) -> dict[str, Any]:
    return {name: without(rule, "javascript") for name, rule in rules.items()}


def without(rule: Any, language: str) -> Any:
    """Rules without the patterns of another language."""
    match rule:
        case dict():
            return {key: without(one, language) for key, one in rule.items() if key != language}
        case list():
            return [without(one, language) for one in rule]
        case _:
            return rule


def _definition(definition: Definition, known: frozenset[str], *, sent: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": definition.name,
        "doc": source_text.docstring(_notes(definition)),
    }
    match definition.type:
        case Record() as record if is_plain(record, known | IMPORTED):
            return made | {"kind": "class", "fields": [_field(one, sent=sent) for one in record.fields]}
        case Record(fields=fields) if any(field.name == "" for field in fields):
            # No TypedDict has a member without a name.
            made["doc"] = source_text.docstring(_notes(definition), indent=0)
            return made | {"kind": "alias", "quoted": _quoted("dict[str, Any]")}
        case Record(fields=fields):
            return made | {"kind": "dictionary", "fields": [_entry(one, sent=sent) for one in fields]}
        case kind:
            made["doc"] = source_text.docstring(_notes(definition), indent=0)
            return made | {"kind": "alias", "quoted": _quoted(expression(kind, sent=sent))}


def _notes(definition: Definition) -> str:
    notes = list(definition.notes)
    if isinstance(definition.type, Record) and definition.type.rest is not None:
        notes.append("Members with other names are taken, too; a type of Python can't say so.")
    return "\n\n".join(notes) or f"{definition.name}."


def _field(field: RecordField, *, sent: bool) -> dict[str, Any]:
    parts = list(dict.fromkeys(alternatives(field.type, sent=sent)))
    told = " | ".join(parts)
    start, end = ("", "") if field.required else ("NotRequired[", "]")
    line = f"{field.name}: {start}{told}{end}"
    if len(line) + 4 > source_text.WIDTH:
        if len(parts) == 1:
            inner = told
        else:
            inner = "\n            | ".join(parts) if not field.required else "\n        | ".join(parts)
        opening = start or "("
        closing = end or ")"
        indent = " " * 8
        line = f"{field.name}: {opening}\n{indent}{inner}\n    {closing}"
    return {
        "name": field.name,
        "annotated": line,
        "doc": source_text.docstring("\n\n".join(field.notes)) if field.notes else "",
    }


def _entry(field: RecordField, *, sent: bool) -> dict[str, Any]:
    told = expression(field.type, sent=sent)
    return {
        "name": field.name,
        "key": source_text.python_string(field.name),
        "quoted": _quoted(told if field.required else f"NotRequired[{told}]"),
        "comment": source_text.comment_lines("\n".join(field.notes)) if field.notes else [],
    }


def _quoted(told: str) -> str:
    return json.dumps(told, ensure_ascii=False)
