"""Files that a form sends for a job: stored as uploads, as POST /api/v1/uploads does."""

from collections.abc import AsyncIterator
from typing import Final

from corral.errors import FieldError, InvalidInput
from corral.media_type import HEAD_BYTES, media_type_of
from corral_publisher import assets
from corral_publisher.services import PublisherServices

MAX_NAME: Final = 255
"""Characters of a file's name."""
EXAMPLE: Final = "example.jpg"
"""Corral's own picture, among its static files."""


async def kept_upload(
    services: PublisherServices, name: str, content: bytes, *, pointer: str, created_by: str
) -> str:
    """Store the file; the id of the upload.

    Raises:
        InvalidInput: the file is too large; names the field.
        Unavailable: Postgres or the place of artifacts is away.
    """
    settings = services.settings
    if len(content) > settings.max_upload_bytes:
        said = f"the file has {len(content):,} bytes; {settings.max_upload_bytes:,} are allowed"
        raise InvalidInput(FieldError(f"/payload{pointer}", said))
    stored = await services.store.uploads.take(
        _file_name(name),
        media_type_of(content[:HEAD_BYTES]),
        _once(content),
        created_by=created_by,
        seconds=settings.upload_hours * 3600,
    )
    return str(stored.id)


async def kept_example(services: PublisherServices, *, pointer: str, created_by: str) -> str:
    """Store Corral's own picture; the id of the upload. Raises as `kept_upload` does."""
    content = (assets.FOLDER / EXAMPLE).read_bytes()
    return await kept_upload(services, EXAMPLE, content, pointer=pointer, created_by=created_by)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _file_name(name: str) -> str:
    """The last part of what a browser sent, which may be a whole path."""
    plain = name.replace("\\", "/").rpartition("/")[2].strip()[:MAX_NAME]
    return plain if plain.isprintable() and plain not in {"", ".", ".."} else "upload"
