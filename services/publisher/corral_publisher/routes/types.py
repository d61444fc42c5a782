"""Registered job types."""

from dataclasses import asdict

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral.errors import NotFound
from corral_publisher.answer import answer
from corral_publisher.auth import Viewer
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.services import services_of
from corral_publisher.views import TypePage, TypeView

router = APIRouter(prefix=PREFIX, tags=["types"])


@router.get("/types", summary="All job types", responses={200: {"model": TypePage}, **failures()})
async def list_types(request: Request, _: Viewer) -> Response:
    """Every registered type with its schemas (JSON Schema 2020-12) and options."""
    records = await services_of(request).store.types.all()
    return answer({"items": [asdict(record) for record in records], "next": None})


@router.get("/types/{name}", summary="One job type", responses={200: {"model": TypeView}, **failures(404)})
async def get_type(request: Request, name: str, _: Viewer) -> Response:
    """The type of that name."""
    record = await services_of(request).store.types.get(name)
    if record is None:
        raise NotFound("job type", name)
    return answer(asdict(record))
