"""The page of job types: what each takes and gives back, where it waits, how it is tried; and typed clients of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from corral.actions.access.principal import Principal, Role
from corral.actions.submissions.known_type import KnownType
from corral.job.options import Options, Retention
from corral.time_span import span
from corral_publisher.pages import render
from corral_publisher.pages.forms import kinds
from corral_publisher.pages.visitor import Visitor
from corral_publisher.services import services_of

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A job type as the page shows it."""

    name: str
    description: str
    queue: str
    payload: Sequence[str] | None
    """The fields that must be given; None: any JSON."""
    further: int
    """How many fields may be left out."""
    result: Sequence[str] | None
    """The fields of what a job ends with; None: any JSON."""
    options: Options
    kept: str
    changed: bool
    """Whether an operator has set options."""

    @classmethod
    def of(cls, known: KnownType) -> Self:
        """Of a registered type, with the options in force in its own queue."""
        record = known.record
        options = known.by_queue[record.parsed_options.queue]
        payload, result = _fields(record.payload_schema), _fields(record.result_schema)
        required = (record.payload_schema or {}).get("required", ())
        return cls(
            name=record.name,
            description=(record.description or "").split("\n\n")[0],
            queue=options.queue,
            payload=None if payload is None else [name for name in payload if name in required],
            further=len([name for name in payload or () if name not in required]),
            result=result,
            options=options,
            kept=_kept(options.keep_finished),
            changed=bool(record.overrides),
        )


@router.get("/types")
async def types(request: Request, principal: Annotated[Principal, Depends(Visitor(Role.VIEWER))]) -> Response:
    """Show all registered types."""
    known = (await services_of(request).types.all()).types
    groups = [
        (heading, [TypeRow.of(known[name]) for name in names]) for heading, names in kinds.grouped(known)
    ]
    return render.page(
        request, "types.html", principal, groups=groups, origin=str(request.base_url).rstrip("/")
    )


def _fields(schema: Mapping[str, Any] | None) -> list[str] | None:
    """The fields of an object; None for anything else."""
    properties = (schema or {}).get("properties")
    return None if properties is None else list(properties)


def _kept(retention: Retention) -> str:
    """How long finished jobs are kept, in words."""
    if 0 in (retention.seconds, retention.count):
        return "not kept"
    parts = []
    if retention.seconds is not None:
        parts.append(span(retention.seconds))
    if retention.count is not None:
        parts.append(f"the newest {retention.count:,}")
    return ", ".join(parts) or "always"
