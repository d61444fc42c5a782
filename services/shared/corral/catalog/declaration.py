"""Declaring a job type: `job_type` where any program may import it, `@job` for a single file.

report = job_type("report.generate", payload=ReportRequest, result=Report, queue="reports")

@report.handler
async def generate(request: ReportRequest, ctx: Context) -> Report: ...
"""

import inspect
import re
import sys
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar, Unpack, overload

from pydantic import TypeAdapter

from corral.catalog.batch_key import BatchKeys
from corral.catalog.batch_models import batch_models
from corral.catalog.declared_queue import Queue
from corral.catalog.handler import Handler, annotation_models, inspect_handler
from corral.catalog.keywords import OptionKeywords, limits_of, options_of
from corral.catalog.limits.check import check_limits
from corral.catalog.limits.limit import AnyLimit
from corral.catalog.payloads.field import NoSuchField
from corral.catalog.payloads.schema import payload_schema_of
from corral.catalog.same_name import one_of_each_name
from corral.catalog.unique import UniqueEvaluation
from corral.errors import DeclarationError
from corral.job.limits import MAX_NAME, NAME_PATTERN, QUEUE_PATTERN
from corral.job.options import Executor, Options

P = TypeVar("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


class JobType(Generic[P, R]):
    """A declared job type: name, models and options; its handler is attached where workers import it."""

    def __init__(
        self,
        name: str,
        *,
        payload: type[P] | None,
        result: type[R] | None,
        options: Options,
        said: frozenset[str],
        description: str | None,
        module: str,
        limits: tuple[AnyLimit, ...] = (),
        declared_queues: tuple[Queue, ...] = (),
    ) -> None:
        self.name = name
        self.payload_model = payload
        self.result_model = result
        self.options = options
        self.said = said
        """The options that the declaration gives; the others are open to the queue and the installation."""
        self.description = description
        self.module = module
        """The module that declares it."""
        self.limits = limits
        """The limits that its jobs take from; those of its queues are theirs."""
        self.declared_queues = declared_queues
        """The queues that its declaration gives as a `Queue`."""
        self.attached: Handler | None = None

    def __repr__(self) -> str:
        return f"<job type {self.name} of {self.module}>"

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the handler itself, as its own tests do.

        Raises:
            DeclarationError: none is attached.
        """
        if self.attached is None:
            raise DeclarationError(f"job type {self.name} has no handler here; import the module that has it")
        return self.attached.function(*arguments, **keywords)

    @property
    def executor(self) -> Executor:
        """Where the handler runs: on the event loop, in a thread or in a process."""
        return self.options.executor

    def handler(self, function: F) -> F:
        """Attach the function that does the work; a decorator.

        Raises:
            DeclarationError: another one is attached already, or it does not fit the declaration.
        """
        if self.attached is not None:
            raise DeclarationError(
                f"job type {self.name} has two handlers: {self.attached.reference} and {function!r}"
            )
        self.attached = inspect_handler(
            self.name, function, self.executor, batch=self.options.batch is not None
        )
        if self.description is None and function.__doc__:
            self.description = inspect.cleandoc(function.__doc__)
        return function

    @cached_property
    def payload_adapter(self) -> TypeAdapter[P] | None:
        """Reads a payload from JSON text; None where the type declares no model for it."""
        return TypeAdapter(self.payload_model) if self.payload_model is not None else None

    @cached_property
    def payloads_adapter(self) -> TypeAdapter[list[P]] | None:
        """Reads the payloads of a batch from the JSON text of their list; None as for one."""
        model: Any = self.payload_model
        return TypeAdapter(list[model]) if model is not None else None

    @cached_property
    def reads_decimals(self) -> bool:
        """Whether the payload's model has a Decimal, which holds more digits than a float."""
        adapter = self.payload_adapter
        return adapter is not None and "'type': 'decimal'" in repr(adapter.core_schema)

    @cached_property
    def result_adapter(self) -> TypeAdapter[R] | None:
        """Checks a result and makes it JSON; None where the type declares no model for it."""
        return TypeAdapter(self.result_model) if self.result_model is not None else None


@overload
def job_type(
    name: str,
    *,
    payload: type[P],
    result: type[R],
    description: str | None = None,
    **options: Unpack[OptionKeywords],
) -> JobType[P, R]: ...


@overload
def job_type(
    name: str, *, payload: type[P], description: str | None = None, **options: Unpack[OptionKeywords]
) -> JobType[P, Any]: ...


@overload
def job_type(
    name: str, *, result: type[R], description: str | None = None, **options: Unpack[OptionKeywords]
) -> JobType[Any, R]: ...


@overload
def job_type(
    name: str, *, description: str | None = None, **options: Unpack[OptionKeywords]
) -> JobType[Any, Any]: ...


def job_type(
    name: str,
    *,
    payload: type[Any] | None = None,
    result: type[Any] | None = None,
    description: str | None = None,
    **options: Unpack[OptionKeywords],
) -> JobType[Any, Any]:
    """Declare a job type. Without models, payload and result are any JSON.

    Raises:
        DeclarationError: the name, an option or a searchable field is wrong.
    """
    return _declare(name, payload, result, description, options, module=_caller())


def job(
    name: str, *, description: str | None = None, **options: Unpack[OptionKeywords]
) -> Callable[[Callable[..., Any]], JobType[Any, Any]]:
    """Declare a job type and its handler at once; models come from the function's annotations.

    A plain function runs in a thread unless `executor` says otherwise.
    """
    module = _caller()

    def declare(function: Callable[..., Any]) -> JobType[Any, Any]:
        models = batch_models if options.get("batch") is not None else annotation_models
        payload, result = models(function)
        if "executor" not in options and not inspect.iscoroutinefunction(function):
            options["executor"] = Executor.THREAD
        declared: JobType[Any, Any] = _declare(name, payload, result, description, options, module=module)
        declared.handler(function)
        return declared

    return declare


def _declare(
    name: str,
    payload: type[P] | None,
    result: type[R] | None,
    description: str | None,
    keywords: OptionKeywords,
    *,
    module: str,
) -> JobType[P, R]:
    if not re.fullmatch(NAME_PATTERN, name) or len(name) > MAX_NAME:
        raise DeclarationError(
            f"job type name {name!r}: use up to {MAX_NAME} lower-case letters, digits, dots, dashes"
        )
    where = f"job type {name}"
    limits = limits_of(where, keywords.get("limits", ()))
    declared_queues, plain = _queues(name, keywords)
    options = options_of(where, plain)
    for queue in (options.queue, *options.queues):
        if not re.fullmatch(QUEUE_PATTERN, queue) or len(queue) > MAX_NAME:
            raise DeclarationError(
                f"job type {name}: the name of queue {queue!r} must have only a-z, 0-9, - and _"
            )
    if options.executor is Executor.THREAD and keywords.get("timeout") is not None:
        warnings.warn(
            f"job type {name}: a thread can't be killed; past its timeout it is abandoned and keeps its"
            ' slot until it ends. Use executor="process" for a timeout that holds.',
            stacklevel=3,
        )
    declared = JobType(
        name,
        payload=payload,
        result=result,
        options=options,
        said=frozenset(keywords),
        description=description,
        module=module,
        limits=limits,
        declared_queues=declared_queues,
    )
    _check_fields(declared)
    return declared


def _queues(name: str, keywords: OptionKeywords) -> tuple[tuple[Queue, ...], OptionKeywords]:
    """The queues that are declared where they are named, and the keywords with their names alone."""
    further = keywords.get("queues", ())
    named = [keywords["queue"]] if "queue" in keywords else []
    named += further if isinstance(further, list | tuple | set | frozenset) else []
    declared = tuple(queue for queue in named if isinstance(queue, Queue))
    try:
        one_of_each_name("queue", declared)
    except DeclarationError as error:
        raise DeclarationError(f"job type {name}: {error}") from None
    plain: Any = {**keywords}
    if isinstance(plain.get("queue"), Queue):
        plain["queue"] = plain["queue"].name
    if named and declared and "queues" in plain:
        plain["queues"] = [queue.name if isinstance(queue, Queue) else queue for queue in further]
    return declared, plain


def _check_fields(declared: JobType[P, R]) -> None:
    """Refuse what names a field that the payload's model does not have."""
    of_queues = (one for queue in declared.declared_queues for one in queue.limits)
    limits = [*declared.limits, *(one for one in of_queues if one not in declared.limits)]
    unique, batch = declared.options.unique, declared.options.batch
    wanted = declared.options.search or limits or unique or (batch is not None and batch.by is not None)
    adapter = declared.payload_adapter if wanted else None
    schema = None if adapter is None else payload_schema_of(adapter)
    if limits:
        check_limits(declared.name, limits, schema)
    try:
        if unique is not None:
            UniqueEvaluation(unique, schema)
    except NoSuchField as error:
        raise DeclarationError(f"job type {declared.name}: unique: by names {error}") from None
    try:
        if batch is not None:
            BatchKeys(declared.name, batch.by, schema)
    except NoSuchField as error:
        raise DeclarationError(f"job type {declared.name}: {error}") from None
    if schema is None or not declared.options.search:
        return
    fields = schema.get("properties", {})
    missing = [field for field in declared.options.search if field not in fields]
    if missing:
        raise DeclarationError(
            f"job type {declared.name}: search names {', '.join(missing)}; the payload has"
            f" {', '.join(fields) or 'no fields'}"
        )


def _caller() -> str:
    """The module that calls `job_type` or `job`."""
    return str(sys._getframe(2).f_globals.get("__name__", "?"))  # noqa: SLF001  # as namedtuple and Enum do
