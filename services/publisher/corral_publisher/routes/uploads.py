"""POST /uploads: files that jobs are given, streamed into the place of artifacts."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from corral.actions.existing import existing
from corral.errors import FieldError, InvalidInput
from corral.ids import parse_id
from corral.media_type import HEAD_BYTES, media_type_of
from corral.store.artifacts.uploads import Upload
from corral_publisher.models.responses import UploadView
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.requests import body as request_body
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Operator, Viewer
from corral_publisher.requests.parameters import InvalidParameter
from corral_publisher.responses.json_response import answer
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["uploads"], route_class=ApiRoute)

MAX_NAME = 255
"""Characters of a file's name."""
FORM = "multipart/form-data"
"""A body in which a file is packed, and so has other bytes than its own. What curl calls its bodies is no sign of one."""
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/uploads",
    status_code=201,
    summary="Send a file for a job",
    openapi_extra=_BODY,
    responses={201: {"model": UploadView}, **failures(408, 409, 413)},
)
async def upload(
    request: Request,
    caller: Operator,
    name: Annotated[str, Query(description="The file's name.", max_length=MAX_NAME)] = "upload",
) -> Response:
    """Store the body as a file. Its media type is that of its content; what the caller says of it does not count."""
    services = services_of(request)
    settings = services.settings
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        said = f"the body is a form ({kind}); send the file itself, as `curl --data-binary @FILE` does"
        raise InvalidInput(FieldError("", said))
    pieces = request_body.pieces(
        request.receive,
        request.headers,
        limit=settings.max_upload_bytes,
        seconds=settings.upload_timeout,
    )
    head = await _head(pieces)
    if not head:
        raise InvalidInput(FieldError("", "the file is empty"))
    stored = await services.store.uploads.take(
        _file_name(name),
        media_type_of(head[:HEAD_BYTES]),
        _joined(head, pieces),
        created_by=caller.name,
        seconds=settings.upload_hours * 3600,
    )
    return answer(_view(stored), 201, {"Location": f"{PREFIX}/uploads/{stored.id}"})


@router.get(
    "/uploads/{upload_id}",
    summary="An upload",
    responses={200: {"model": UploadView}, **failures(404)},
)
async def get_upload(request: Request, upload_id: str, _: Viewer) -> Response:
    """Tell what is known of an upload; its content is for jobs alone."""
    known = parse_id(upload_id)
    upload = None if known is None else await services_of(request).store.uploads.find(known)
    found = existing(upload, "upload", upload_id[:100])
    return answer(_view(found))


async def _head(pieces: AsyncIterator[bytes]) -> bytes:
    """What tells the type of the file: its first pieces."""
    head = b""
    async for piece in pieces:
        head += piece
        if len(head) >= HEAD_BYTES:
            break
    return head


async def _joined(head: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for piece in pieces:
        yield piece


def _file_name(name: str) -> str:
    """The last part of what was given, as browsers send whole paths.

    Raises:
        InvalidParameter: nothing can be called so.
    """
    plain = name.replace("\\", "/").rpartition("/")[2].strip()
    if plain in {"", ".", ".."} or not plain.isprintable():
        raise InvalidParameter(FieldError("name", f"{name[:100]!a} is no name of a file"))
    return plain


def _view(stored: Upload) -> dict[str, Any]:
    return {
        "id": stored.id,
        "name": stored.name,
        "media_type": stored.media_type,
        "size": stored.size,
        "sha256": stored.sha256.hex(),
        "created_by": stored.created_by,
        "created_at": stored.created_at,
        "expires_at": stored.expires_at,
    }
