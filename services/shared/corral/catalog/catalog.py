"""The catalog: the job types that one program knows."""

import importlib
import importlib.util
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from corral import frames
from corral.catalog.declaration import JobType
from corral.catalog.declared_queue import Queue
from corral.catalog.limits.check import check_limits
from corral.catalog.limits.limit import AnyLimit, Limit, Rate
from corral.catalog.provider import Provider
from corral.catalog.record import TypeRecord, record_of
from corral.catalog.same_name import one_of_each_name
from corral.catalog.schedules.declaration import DeclaredSchedule, one_schedule_of_each_name
from corral.errors import DeclarationError
from corral.job.options import Executor

BUILTIN = "corral_jobs"
"""The package of the job types that come with Corral."""
REPORT, IMAGE, MAIL, NOTIFICATION, FEEDS, WEBHOOK, PROVIDER, AREA, DEMO = (
    f"{BUILTIN}.{name}"
    for name in ("report", "image", "mail", "notification", "feeds", "webhook", "provider", "area", "demo")
)
"""What declares them; the handlers of each are in its module `handlers`."""
LIBRARIES = {IMAGE: "pyvips", AREA: "shapely"}
"""What the handlers of a type need and not every worker has: one without it leaves its jobs to others."""


class Catalog:
    """Job types by name. Immutable."""

    def __init__(
        self,
        types: Mapping[str, JobType[Any, Any]],
        limits: Sequence[AnyLimit] = (),
        queues: Sequence[Queue] = (),
        schedules: Sequence[DeclaredSchedule] = (),
        providers: Sequence[Provider] = (),
    ) -> None:
        """`limits` and `queues` are those that no type names.

        Raises:
            DeclarationError: two limits, queues, schedules or providers of one name differ.
        """
        self.providers = one_of_each_name("provider", providers)
        """Providers that code declares, by name."""
        self.schedules = one_schedule_of_each_name(schedules)
        """Schedules that code declares, by name."""
        self.types: Mapping[str, JobType[Any, Any]] = dict(types)
        of_types = (queue for declared in self.types.values() for queue in declared.declared_queues)
        self.declared_queues = one_of_each_name("queue", [*queues, *of_types])
        """Queues that code declares, by name."""
        of_queues = (limit for queue in self.declared_queues.values() for limit in queue.limits)
        of_all_types = (limit for declared in self.types.values() for limit in declared.limits)
        self.limits = one_of_each_name("limit", [*limits, *of_all_types, *of_queues])
        """Limits that code declares, by name."""

    @classmethod
    def load(cls, modules: Sequence[str]) -> "Catalog":
        """Import the modules and collect the job types that they declare, import or handle.

        Raises:
            DeclarationError: a module can't be imported, or two types, limits, queues, schedules or providers of one name differ.
        """
        types: dict[str, JobType[Any, Any]] = {}
        limits: list[AnyLimit] = []
        queues: list[Queue] = []
        schedules: list[DeclaredSchedule] = []
        providers: list[Provider] = []
        for name in modules:
            values = _values_of(name)
            schedules += [value for value in values if issubclass(type(value), DeclaredSchedule)]
            providers += [value for value in values if issubclass(type(value), Provider)]
            limits += _limits_in(values)
            queues += [value for value in values if issubclass(type(value), Queue)]
            for declared in _types_in(values):
                other = types.setdefault(declared.name, declared)
                if other is not declared:
                    raise DeclarationError(
                        f"job type {declared.name} is declared twice: in {other.module} and {declared.module}"
                    )
        return cls(types, limits, queues, schedules, providers)

    def get(self, name: str) -> JobType[Any, Any] | None:
        """The type of that name."""
        return self.types.get(name)

    def __iter__(self) -> Iterator[JobType[Any, Any]]:
        return iter(self.types.values())

    def __len__(self) -> int:
        return len(self.types)

    def handled(self) -> "Catalog":
        """The part that has handlers: what a worker can run."""
        handled = {name: declared for name, declared in self.types.items() if declared.attached}
        return Catalog(handled, list(self.limits.values()), list(self.declared_queues.values()))

    def queues(self) -> frozenset[str]:
        """Every queue that a job of these types may be in."""
        return frozenset(queue for declared in self for queue in _queues(declared))

    def executors(self, queue: str) -> frozenset[Executor]:
        """The executors that jobs of this queue may need."""
        return frozenset(declared.executor for declared in self if queue in _queues(declared))

    def records(self) -> list[TypeRecord]:
        """The records of all types, by name, as `corral types register` stores them.

        Raises:
            DeclarationError: a model's own code raises where its JSON Schema is made; names the type.
        """
        records = [_record(self.types[name]) for name in sorted(self.types)]
        for record in records:
            self._check_limits(record)
        return records

    def _check_limits(self, record: TypeRecord) -> None:
        """Refuse limits of a type and its queues that do not fit together, or not its payload."""
        declared = self.types[record.name]
        for name in sorted(_queues(declared)):
            queue = self.declared_queues.get(name)
            limits = {one.name: one for one in (*declared.limits, *(queue.limits if queue else ()))}
            check_limits(record.name, list(limits.values()), record.payload_schema)


def declaring_modules(jobs: Sequence[str], *, demo: bool) -> list[str]:
    """The modules that a program that submits imports: the built-in types and the team's."""
    return [*_builtin_modules(demo=demo), *jobs]


def handling_modules(
    jobs: Sequence[str], handlers: Sequence[str], *, demo: bool, mail: bool = True
) -> list[str]:
    """The modules that a worker imports: declarations first, then handlers.

    `mail` is whether mails can be sent here; a worker that can't handles none, so that they wait for one that can.
    """
    modules = [module for module in _builtin_modules(demo=demo) if mail or module != MAIL]
    builtin = [f"{module}.handlers" for module in modules if _can_handle(module)]
    return [*declaring_modules(jobs, demo=demo), *builtin, *handlers]


def _builtin_modules(*, demo: bool) -> list[str]:
    """The built-in types that are wanted; none where the distribution corral-jobs is not installed."""
    if importlib.util.find_spec(BUILTIN) is None:
        return []
    shipped = [REPORT, IMAGE, MAIL, NOTIFICATION, FEEDS, WEBHOOK, PROVIDER, AREA]
    return [*shipped, DEMO] if demo else shipped


def _can_handle(module: str) -> bool:
    library = LIBRARIES.get(module)
    return library is None or importlib.util.find_spec(library) is not None


def _queues(declared: JobType[Any, Any]) -> frozenset[str]:
    return declared.options.queues | {declared.options.queue}


def _record(declared: JobType[Any, Any]) -> TypeRecord:
    try:
        return record_of(declared)
    except DeclarationError:
        raise
    except BaseException as error:
        raise DeclarationError(
            f"job type {declared.name}: the JSON Schema of its models can't be made: {frames.described(error)}"
        ) from error


def _values_of(name: str) -> list[Any]:
    """What the names of a module's top level stand for."""
    module = _imported(name)
    try:
        return list(vars(module).values())
    except TypeError:  # it put something else than a module in its place
        return [getattr(module, one) for one in dir(module)]


def _types_in(values: list[Any]) -> list[JobType[Any, Any]]:
    """The job types among them, by the class of the value itself: a proxy may raise when it is asked what it stands for."""
    return [value for value in values if issubclass(type(value), JobType)]


def _limits_in(values: list[Any]) -> list[AnyLimit]:
    """The limits among them, and those in lists among them."""
    lists = [value for value in values if type(value) in (list, tuple)]
    return [
        one for one in [*values, *(item for value in lists for item in value)] if type(one) in (Limit, Rate)
    ]


def _imported(name: str) -> Any:
    """The module of that name, imported.

    Importing runs the team's code, which may raise anything, and may even ask the process to end: whoever starts a
    worker is told the module and the line.

    Raises:
        DeclarationError: it can't be imported.
    """
    try:
        with _staying():
            return importlib.import_module(name)
    except DeclarationError:
        raise
    except ModuleNotFoundError as error:
        raise DeclarationError(
            f"module {name} can't be imported: {error}; is it installed, or the folder on PYTHONPATH?"
        ) from error
    except BaseException as error:  # SystemExit and KeyboardInterrupt, too
        raise DeclarationError(f"module {name} can't be imported: {frames.described(error)}") from error


@contextmanager
def _staying() -> Iterator[None]:
    """Have `os._exit` end the import instead of the process, which would say nothing.

    Forks and threads that the module starts do what they want.
    """
    exit_, ours, importing = os._exit, (os.getpid(), threading.get_ident()), True

    def refused(status: int) -> NoReturn:
        if importing and (os.getpid(), threading.get_ident()) == ours:
            raise SystemExit(f"os._exit({status})")
        exit_(status)

    os._exit = refused
    try:
        yield
    finally:
        os._exit, importing = exit_, False
