"""A job type as data: what is registered in Postgres, and what a publisher knows of a team's types."""

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import metadata
from typing import Any, TypeVar

from corral.catalog.declaration import JobType
from corral.catalog.declared_queue import Queue
from corral.catalog.limits.limit import AnyLimit
from corral.catalog.options_json import options_from_json, options_to_json, overridden
from corral.catalog.payloads.schema import payload_schema_of, result_schema_of
from corral.catalog.provider import Provider
from corral.job.options import Options


@dataclass(frozen=True)
class TypeRecord:
    """A registered job type."""

    name: str
    payload_schema: dict[str, Any] | None
    """JSON Schema 2020-12, with the marks of `corral.catalog.payloads.schema`; None accepts any JSON."""
    result_schema: dict[str, Any] | None
    options: dict[str, Any]
    """Those that the declaration gives, as JSON (`options_to_json`); `corral.catalog.precedence` has the others."""
    version: str
    """`<release of the declaring package>+<hash of the record>`; see `supersedes`."""
    description: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """What an operator set for the type, as JSON by option; no part of what code registers."""

    @cached_property
    def parsed_options(self) -> Options:
        """The declared options with what an operator set over them; the others have Corral's own default."""
        return options_from_json(overridden(self.options, self.overrides))


@dataclass(frozen=True)
class Declaration:
    """A limit, a queue or a provider as code declares it: what is registered in Postgres."""

    name: str
    values: Mapping[str, Any]
    """What it says, as JSON."""
    version: str
    """As a type's."""


Declared = TypeVar("Declared", TypeRecord, Declaration)


def record_of(declared: JobType[Any, Any]) -> TypeRecord:
    """The record of a declared type."""
    payload, result = declared.payload_adapter, declared.result_adapter
    payload_schema = payload_schema_of(payload) if payload else None
    result_schema = result_schema_of(result) if result else None
    options = {
        option: value
        for option, value in options_to_json(declared.options).items()
        if option in declared.said
    }
    content = json.dumps([payload_schema, result_schema, options, declared.description], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    return TypeRecord(
        name=declared.name,
        payload_schema=payload_schema,
        result_schema=result_schema,
        options=options,
        version=f"{release_of(declared.module)}+{digest}",
        description=declared.description,
    )


def declaration_of(declared: AnyLimit | Queue | Provider) -> Declaration:
    """The record of a declared limit, queue or provider."""
    digest = hashlib.sha256(json.dumps(declared.values, sort_keys=True).encode()).hexdigest()[:12]
    return Declaration(declared.name, declared.values, f"{release_of(declared.module)}+{digest}")


def supersedes(new: str, old: str) -> bool:
    """Whether a registration of version `new` may replace `old`: its release is not the older one.

    Within one release the last registration wins: a team edits its types without raising a version.
    """
    return _numbers(new) >= _numbers(old)


def to_be_stored(declared: Iterable[Declared], stored: Iterable[Sequence[Any]]) -> list[Declared]:
    """Those that are new or supersede what is stored, of which each row is a name and a version (None: of no code)."""
    versions: dict[str, str | None] = {name: version for name, version in stored}  # noqa: C416  # rows are untyped
    return [
        one
        for one in declared
        if one.name not in versions
        or (versions[one.name] != one.version and supersedes(one.version, versions[one.name] or "0"))
    ]


def release_of(module: str) -> str:
    """The release of the package that declares a type: `__version__`, else its distribution's, else 0."""
    return _release(module.partition(".")[0])


@lru_cache
def _release(package: str) -> str:
    version = getattr(sys.modules.get(package), "__version__", None)
    return str(version or _distributed(package) or "0").partition("+")[0]


def _distributed(package: str) -> str | None:
    """The version of the distribution that carries a package; the one of the same name is looked at first."""
    with suppress(metadata.PackageNotFoundError):
        if _carries(named := metadata.distribution(package), package):
            return named.version
    return next((one.version for one in metadata.distributions() if _carries(one, package)), None)


def _carries(distribution: metadata.Distribution, package: str) -> bool:
    """Whether it says so, or installed it. `metadata.packages_distributions` takes a second for some hundred of them."""
    if (told := distribution.read_text("top_level.txt")) is not None:
        return package in told.split()
    installed = "\n" + (distribution.read_text("RECORD") or "")
    return f"\n{package}/" in installed or f"\n{package}.py," in installed


def _numbers(version: str) -> tuple[int, ...]:
    """The release's numbers without trailing zeros: 1.2 and 1.2.0 are the same."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in match.group().split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
