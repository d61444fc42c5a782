"""A job type as data: what is registered in Postgres, and what a publisher knows of a team's types."""

import hashlib
import json
import re
import sys
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import metadata
from typing import Any

from corral.catalog.declaration import JobType
from corral.job import backoff as backoffs
from corral.job.options import Executor, Options, Retention
from corral.job.priority import Priority

_BACKOFFS: dict[str, type[backoffs.Backoff]] = {
    "fixed": backoffs.Fixed,
    "linear": backoffs.Linear,
    "exponential": backoffs.Exponential,
    "exact": backoffs.Exact,
}


@dataclass(frozen=True)
class TypeRecord:
    """A registered job type."""

    name: str
    payload_schema: dict[str, Any] | None
    """JSON Schema 2020-12; None accepts any JSON."""
    result_schema: dict[str, Any] | None
    options: dict[str, Any]
    """Those that the declaration gives, as JSON (`options_to_json`); `corral.catalog.precedence` has the others."""
    version: str
    """`<release of the declaring package>+<hash of the record>`; see `supersedes`."""
    description: str | None = None

    @cached_property
    def parsed_options(self) -> Options:
        """The options as a value, Corral's own defaults for those that the declaration leaves open."""
        return options_from_json(self.options)


def record_of(declared: JobType[Any, Any]) -> TypeRecord:
    """The record of a declared type."""
    payload, result = declared.payload_adapter, declared.result_adapter
    payload_schema = payload.json_schema(mode="validation") if payload else None
    result_schema = result.json_schema(mode="serialization") if result else None
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
        version=f"{_release(declared.module)}+{digest}",
        description=declared.description,
    )


def supersedes(new: str, old: str) -> bool:
    """Whether a registration of version `new` may replace `old`: its release is not the older one.

    Within one release the last registration wins: a team edits its types without raising a version.
    """
    return _numbers(new) >= _numbers(old)


def options_to_json(options: Options) -> dict[str, Any]:
    """Options as JSON."""
    kind = next(name for name, cls in _BACKOFFS.items() if isinstance(options.backoff, cls))
    backoff = {field: getattr(options.backoff, field) for field in options.backoff.__dataclass_fields__}
    return {
        "queue": options.queue,
        "queues": sorted(options.queues),
        "priority": options.priority.value,
        "retries": options.retries,
        "backoff": {"kind": kind, **{k: list(v) if k == "waits" else v for k, v in backoff.items()}},
        "timeout": options.timeout,
        "delay": options.delay,
        "expires_in": options.expires_in,
        "max_stalls": options.max_stalls,
        "tags": list(options.tags),
        "search": list(options.search),
        "keep_finished": {"seconds": options.keep_finished.seconds, "count": options.keep_finished.count},
        "keep_failed": {"seconds": options.keep_failed.seconds, "count": options.keep_failed.count},
        "executor": options.executor.value,
    }


def options_from_json(data: dict[str, Any]) -> Options:
    """Options from JSON; a field that is missing has its default, one that is unknown is ignored.

    So a release reads what the one after it registered (protocol rule 29).
    """
    known: dict[str, Any] = {k: v for k, v in data.items() if k in Options.__dataclass_fields__}
    for key, make in (
        ("priority", Priority),
        ("executor", Executor),
        ("queues", frozenset),
        ("tags", tuple),
        ("search", tuple),
        ("backoff", _backoff_from_json),
        ("keep_finished", _retention_from_json),
        ("keep_failed", _retention_from_json),
    ):
        if key in known:
            known[key] = make(known[key])
    return Options(**known)


def _retention_from_json(data: dict[str, Any]) -> Retention:
    return Retention(seconds=data.get("seconds"), count=data.get("count"))


def _backoff_from_json(data: dict[str, Any]) -> backoffs.Backoff:
    cls = _BACKOFFS[data["kind"]]
    fields = {key: value for key, value in data.items() if key in cls.__dataclass_fields__}
    if "waits" in fields:
        fields["waits"] = tuple(fields["waits"])
    return cls(**fields)


@lru_cache
def _release(module: str) -> str:
    """The release of the package that declares a type: `__version__`, else its distribution's, else 0."""
    package = module.partition(".")[0]
    version = getattr(sys.modules.get(package), "__version__", None)
    for name in () if version else (*metadata.packages_distributions().get(package, ()), package):
        try:
            version = metadata.version(name)
            break
        except metadata.PackageNotFoundError:
            continue
    return str(version or "0").partition("+")[0]


def _numbers(version: str) -> tuple[int, ...]:
    """The release's numbers without trailing zeros: 1.2 and 1.2.0 are the same."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in match.group().split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
