"""Generates a typed client, and handlers to be filled in, from job types."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from corral.catalog.catalog import Catalog
from corral.client import Client
from corral.codegen import names, python_output, typescript_output
from corral.codegen.changes import Change, changes, known_of
from corral.codegen.handler_skeletons import FOLDER, Skeleton, skeletons_of
from corral.codegen.job_definition import (
    JobDefinition,
    chosen,
    of_catalog,
    of_server,
    queues_of_catalog,
    queues_of_server,
)
from corral.codegen.output_folder import OutputFile, OutputFolder, manifest_of, marked
from corral.codegen.project import Project, project_of
from corral.codegen.templates import Templates
from corral.errors import DeclarationError

_LOG: Final = logging.getLogger(__name__)


class Language(StrEnum):
    """What is generated."""

    PYTHON = "python"
    TYPESCRIPT = "typescript"


@dataclass(frozen=True, slots=True)
class Generated:
    """What a run did, or with `check` would do."""

    files: tuple[str, ...]
    """All that belong to it."""
    changed: tuple[str, ...]
    """Those that were written or removed; with `check`, those that are stale."""
    changes: tuple[Change, ...] = field(default=())
    """What became of the job types since the run before."""
    removed: tuple[str, ...] = ()
    """Those of `changed` that were removed, because they are generated no more."""

    @property
    def breaking(self) -> tuple[Change, ...]:
        """Those with which programs made before go wrong."""
        return tuple(one for one in self.changes if one.breaking)


def generate(
    language: Language | str,
    source: Catalog | Client,
    out: Path | str,
    *,
    types: Sequence[str] = (),
    workers: bool = False,
    templates: Path | str | None = None,
    check: bool = False,
    logger: logging.Logger = _LOG,
) -> Generated:
    """Generate from a catalog, or from the types that a publisher has registered.

    Args:
        language: `python` or `typescript`.
        source: where the job types come from.
        out: the folder of the generated package; made where it does not exist.
        types: names or patterns (`mail.*`); none is all.
        workers: whether to write handlers to be filled in, too (Python, from a catalog).
        templates: a folder whose templates go before Corral's own of the same names.
        check: write nothing, only say what is stale.
        logger: is told of each file and each change.

    Raises:
        DeclarationError: the types can't be generated from.
        TemplateFault: a template can't be used.
        OutputInUse: a file that was not generated stands in the way, or the folder can't be read or written.
        Unreachable, ApiProblem: the publisher does not answer, or refuses.
    """
    wanted = Language(language)
    folder = OutputFolder(Path(out))
    told = of_catalog(source) if isinstance(source, Catalog) else of_server(source)
    definitions = chosen(told, types)
    if not definitions:
        raise DeclarationError("there are no job types to generate from: name modules in CORRAL_JOBS")
    queues = queues_of_catalog(source) if isinstance(source, Catalog) else queues_of_server(source)
    project = project_of(definitions, queues)
    files = _files(wanted, project, definitions, folder.path, workers=workers, own=templates)
    if not workers:  # a run that is not about handlers takes none away
        files += folder.untouched(f"{FOLDER}/")
    known = {one.name: known_of(one) for one in definitions}
    files.append(manifest_of(wanted.value, known, files))
    changed = folder.stale(files) if check else folder.write(files)
    found = [] if folder.is_new else changes(folder.known, known)
    gone = set(changed) - {one.path for one in files}
    for path in changed:
        said = "stale:" if check else "removed:" if path in gone else "written:"
        logger.info("%s %s", said, folder.path / path)
    for one in found:
        logger.log(logging.WARNING if one.breaking else logging.INFO, "%s", one)
    removed = () if check else tuple(path for path in changed if path in gone)
    return Generated(tuple(one.path for one in files), tuple(changed), tuple(found), removed)


def _files(
    language: Language,
    project: Project,
    definitions: list[JobDefinition],
    out: Path,
    *,
    workers: bool,
    own: Path | str | None,
) -> list[OutputFile]:
    templates = Templates(language.value, None if own is None else Path(own))
    if language is Language.TYPESCRIPT:
        if workers:
            raise DeclarationError("workers are Python: corral codegen python --workers")
        context, made = typescript_output.context(project), typescript_output.FILES
    else:
        context, made = python_output.context(project), python_output.FILES
    files = [OutputFile(path, marked(path, _tidy(templates.render(path, context)))) for path in made]
    if workers:
        files += _handlers(definitions, templates, out.resolve().name)
    return files


def _handlers(definitions: list[JobDefinition], templates: Templates, package: str) -> list[OutputFile]:
    skeletons = skeletons_of(definitions, package)
    files = [
        OutputFile(one.path, _tidy(templates.render("handler.py", one.context)).strip() + "\n", once=True)
        for one in skeletons
    ]
    queues = sorted({one.module.partition(".")[0] for one in skeletons})
    for queue in queues:
        inside = [one for one in skeletons if one.module.partition(".")[0] == queue]
        about = f"Handlers of one queue, for workers of its own: CORRAL_HANDLERS={package}.{FOLDER}.{queue}"
        files.append(_package(f"{FOLDER}/{queue}/__init__.py", about, inside, templates, below=True))
    about = f"All handlers: CORRAL_HANDLERS={package}.{FOLDER}"
    return [*files, _package(f"{FOLDER}/__init__.py", about, skeletons, templates, below=False)]


def _package(
    path: str, about: str, skeletons: list[Skeleton], templates: Templates, *, below: bool
) -> OutputFile:
    spelled = names.apart(
        [one.module for one in skeletons], lambda module: module.rpartition(".")[2], frozenset()
    )
    handlers = [
        (one.module.partition(".")[2] if below else one.module, one.variable, spelled[one.module])
        for one in sorted(skeletons, key=lambda one: one.module)
    ]
    context: dict[str, Any] = {
        "about": about,
        "handlers": handlers,
        "names": sorted(name for _, _, name in handlers),
    }
    return OutputFile(path, marked(path, _tidy(templates.render("workers.py", context))))


def _tidy(text: str) -> str:
    """Without space at the end of lines, and without more than two empty lines."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{4,}", "\n\n\n", lines)
