"""The models of a handler of batches, from its annotations: those of one job."""

from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin, get_type_hints

from corral.catalog.handler import annotation_models
from corral.context.batch import BatchedJob
from corral.errors import DeclarationError


def batch_models(function: Callable[..., Any]) -> tuple[Any, Any]:
    """The payload's and the result's model of `(jobs: Sequence[BatchJob[Item]]) -> dict[UUID, Stored] | None`.

    None where there is none, or where it is `Any`.

    Raises:
        DeclarationError: the argument is annotated as something else than a sequence of `BatchJob`.
    """
    jobs, _ = annotation_models(function)
    payload: Any = None
    if jobs is not None:
        (job,) = get_args(jobs) if len(get_args(jobs)) == 1 else (None,)
        if not issubclass(_class_of(job), BatchedJob):
            raise DeclarationError(
                f"handler {function.__qualname__} handles batches: annotate its argument as Sequence[BatchJob[Model]]"
            )
        (payload,) = get_args(job) or (None,)
    return (None if payload is Any else payload), _result_model(get_type_hints(function).get("return"))


def _result_model(returned: Any) -> Any:
    """The second argument of the mapping that the handler may return."""
    for one in (returned, *get_args(returned)):
        match get_args(one):
            case (_, result) if issubclass(_class_of(one), Mapping):
                return _plain(result)
    return None


def _class_of(annotation: Any) -> type:
    """The class of an annotation such as `Sequence[Item]`."""
    found = get_origin(annotation) or annotation
    return found if isinstance(found, type) else object


def _plain(result: Any) -> Any:
    """The model without the exceptions that stand for errors."""
    kept = [
        one
        for one in get_args(result) or (result,)
        if not (isinstance(one, type) and issubclass(one, BaseException))
    ]
    return kept[0] if len(kept) == 1 and kept[0] not in (Any, type(None), object) else None
