"""Files of a job: lists them and returns their content, in whole or by range."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from corral.actions.existing import existing
from corral.store.artifacts.artifacts import Artifact
from corral_publisher.models.responses import ArtifactPage
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.requests import byte_range, parameters
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Viewer
from corral_publisher.responses import problems
from corral_publisher.responses.json_response import answer
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(prefix=PREFIX, tags=["artifacts"], route_class=ApiRoute)

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})
"""Media types that pages show as pictures."""
SHOWN = frozenset({"application/pdf", "text/plain", "text/csv"} | PICTURES)
"""Media types that a browser may show in place. None of them can run a script with this publisher's rights."""
_FILE = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
"""A media range for OpenAPI: jobs make files of every type."""
FILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file, of the type that its job gave it.", "content": _FILE},
    206: {"description": "The part that `Range` asked for.", "content": _FILE},
    304: {"description": "The caller has it already: `If-None-Match` named its `ETag`."},
}
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)*", re.ASCII)
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; object-src 'self'; frame-ancestors 'self'"
)


@router.get(
    "/jobs/{job_id}/artifacts",
    summary="Its files",
    responses={200: {"model": ArtifactPage}, **failures(404)},
)
async def list_artifacts(request: Request, job_id: str, _: Viewer) -> Response:
    """List the published files, by name."""
    services = services_of(request)
    job = await services.jobs.get(parameters.job_id(job_id))
    return answer(
        {"items": [_view(item) for item in await services.store.artifacts.list(job.id)], "next": None}
    )


@router.get(
    "/jobs/{job_id}/artifacts/{name:path}",
    summary="Download a file of a job",
    responses={**FILE_RESPONSES, **failures(404, 416)},
)
async def get_artifact(
    request: Request,
    job_id: str,
    name: str,
    _: Viewer,
    inline: Annotated[bool, Query(description="Show it in the browser where that is safe.")] = False,
) -> Response:
    """Return the file's content. `Range` with one range, `If-Range` and `If-None-Match` are supported."""
    services = services_of(request)
    found = existing(await services.store.artifacts.find(parameters.job_id(job_id), name), "artifact", name)
    return await file_response(request, services, found, inline=inline)


async def file_response(
    request: Request, services: PublisherServices, found: Artifact, *, inline: bool
) -> Response:
    """The content of a file, in whole or by range; 304 where the caller has it.

    Raises:
        NotFound: it was removed meanwhile.
        Unavailable: its place is away.
    """
    headers = _headers(found, inline=inline)
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    wanted = request.headers.get("range")
    if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        wanted = None
    try:
        part = byte_range.parse(wanted, found.size)
    except byte_range.Unsatisfiable:
        title = f"The file has {found.size:,} bytes"
        where = {"Content-Range": f"bytes */{found.size}", "Accept-Ranges": "bytes"}
        return problems.problem(416, "range", title, f"{wanted} lies outside", headers=where)
    start, end = part or (0, found.size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    pieces = services.store.artifacts.read(found, start, end)
    first = await anext(pieces, b"")  # before the answer begins: where there is none, the answer says why
    return StreamingResponse(
        _joined(first, pieces),
        status_code=200 if part is None else 206,
        media_type=found.media_type
        if _MEDIA_TYPE.fullmatch(found.media_type)
        else "application/octet-stream",
        headers=headers,
    )


async def _joined(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


def _headers(artifact: Artifact, *, inline: bool) -> dict[str, str]:
    shown = inline and artifact.media_type.partition(";")[0] in SHOWN
    plain = artifact.name.rpartition("/")[2]
    ascii_name = plain.encode("ascii", "replace").decode().translate({34: "'", 92: "_", 63: "_"})
    disposition = "inline" if shown else "attachment"
    return {
        "ETag": f'"{artifact.sha256.hex()}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"{disposition}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(plain, safe='')}",
        "Content-Security-Policy": _POLICY,
    }


def _view(artifact: Artifact) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "media_type": artifact.media_type,
        "size": artifact.size,
        "sha256": artifact.sha256.hex(),
        "attempt": artifact.attempt,
        "published_at": artifact.published_at,
    }
