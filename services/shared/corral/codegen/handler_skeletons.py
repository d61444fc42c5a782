"""Handlers to be filled in: one file for each job type, in a folder for each queue, written once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from corral.codegen import names
from corral.codegen.job_definition import DeclarationSite, JobDefinition
from corral.errors import DeclarationError
from corral.job.options import Executor

FOLDER: Final = "workers"


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What the template of one handler is told."""

    path: str
    module: str
    """`mail.mail_welcome`, below the folder."""
    variable: str
    context: Mapping[str, Any]


def skeletons_of(definitions: Iterable[JobDefinition], package: str) -> list[Skeleton]:
    """A handler for each type that has none in another place.

    Raises:
        DeclarationError: no Python code declares a type: a server told of it.
    """
    made: list[Skeleton] = []
    for one in definitions:
        if one.declared is None:
            raise DeclarationError(
                f"job type {one.name}: handlers need the declaration; generate them where CORRAL_JOBS names its module,"
                " and not from a server"
            )
        here = f"{package}.{FOLDER}."
        handled = one.declared.handled_in
        if handled is None or handled.startswith(here) or f".{FOLDER}." in f".{handled}.":
            made.append(_skeleton(one, one.declared))
    return made


def _skeleton(one: JobDefinition, declared: DeclarationSite) -> Skeleton:
    queue, name = names.snake(one.queue), names.snake(one.name)
    payload, result = _reference(declared.payload_model), _reference(declared.result_model)
    imports: dict[str, set[str]] = {declared.module: {declared.variable}}
    for module, variable in (payload, result):
        if module:
            imports.setdefault(module, set()).add(variable)
    plain = declared.executor is not Executor.ASYNC
    return Skeleton(
        path=f"{FOLDER}/{queue}/{name}.py",
        module=f"{queue}.{name}",
        variable=declared.variable,
        context={
            "type": one.name,
            "queue": one.queue,
            "function": f"handle_{name}",
            "variable": declared.variable,
            "has_payload": declared.payload_model is not None,
            "payload": payload[1] or "Any",
            "result": result[1] or ("Any" if declared.result_model is not None else "None"),
            "context": "SyncContext" if plain else "Context",
            "definition": "def" if plain else "async def",
            "imports": [(module, sorted(imports[module])) for module in sorted(imports)],
            "needs_any": (declared.payload_model is not None and not payload[1])
            or (declared.result_model is not None and not result[1]),
        },
    )


def _reference(model: Any) -> tuple[str, str]:
    """Module and name of a model that can be imported; of a builtin only the name, of others neither."""
    if not isinstance(model, type) or getattr(model, "__args__", None) or "<locals>" in model.__qualname__:
        return "", ""
    if model.__module__ == "builtins":
        return "", model.__qualname__
    return (model.__module__, model.__qualname__) if "." not in model.__qualname__ else ("", "")
