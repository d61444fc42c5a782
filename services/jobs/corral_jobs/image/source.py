"""Where the picture comes from: an upload, a file of another job, or an address."""

from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from uuid import UUID

from corral.context import Context
from corral.errors import FailureReason, OutgoingFailed, OutgoingRefused, Retry
from corral.outgoing.client import OutgoingClient
from corral.outgoing.limits import RequestLimits
from corral.settings import Settings
from corral_jobs.image.invalid import InvalidImage
from corral_jobs.image.request import ImageRequest

MAX_SOURCE_BYTES = 32 * 1024 * 1024
MAX_RETRY_AFTER = 3_600.0
"""Seconds that a server may ask us to wait; who asks for more is asked again after so many."""
TRY_LATER = frozenset({408, 425, 429})
LASTING = frozenset({FailureReason.TOO_LARGE, FailureReason.ENCODING})
"""Failures that another try would meet again."""


class SourceFile(NamedTuple):
    """A picture's bytes, and the name of its file."""

    name: str
    data: bytes


async def read(request: ImageRequest, ctx: Context) -> SourceFile:
    """The picture that is asked for.

    Raises:
        InvalidImage: it isn't there, or another try won't get it either.
        Retry, OutgoingFailed: another try may.
    """
    if request.upload is not None:
        upload = await ctx.upload(UUID(request.upload))
        if upload is None:
            raise InvalidImage(
                f"there is no upload {request.upload}; it may have expired before this job named it"
            )
        return _small(upload.name, upload.data)
    if request.artifact is not None:
        job, name = request.artifact.job, request.artifact.name
        data = await ctx.artifacts.get(name, job=job)
        if data is None:
            raise InvalidImage(f"job {job} has no file {name!r}")
        return _small(name, data)
    assert request.url is not None
    return await fetch(request.url, Settings.load())


async def fetch(url: str, settings: Settings) -> SourceFile:
    """The picture at an address. Raises as `read` does."""
    limits = RequestLimits(max_bytes=MAX_SOURCE_BYTES)
    try:
        async with (
            OutgoingClient.of(settings) as client,
            client.stream("GET", url, headers={"Accept": "image/*"}, limits=limits) as response,
        ):
            status = response.status
            if status in TRY_LATER or status >= 500:
                raise Retry(
                    f"{url} answered {status}", after=_retry_after(response.headers.get("Retry-After"))
                )
            if status != 200:
                raise InvalidImage(f"{url} answered {status}, not 200")
            return SourceFile(unquote(urlsplit(response.url).path), await response.read())
    except OutgoingRefused as error:
        raise InvalidImage(str(error)) from error
    except OutgoingFailed as error:
        if error.reason in LASTING:
            raise InvalidImage(str(error)) from error
        raise


def stem_of(name: str) -> str:
    """What the names of made pictures begin with: the source's name without its ending, safe everywhere."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in stem).strip("-")
    return safe[:60].rstrip("-") or "image"


def _small(name: str, data: bytes) -> SourceFile:
    if len(data) > MAX_SOURCE_BYTES:
        raise InvalidImage(f"the file has {len(data):,} bytes; {MAX_SOURCE_BYTES:,} are allowed")
    return SourceFile(name, data)


def _retry_after(header: str | None) -> float | None:
    """Seconds that the server wants us to wait; a date counts as none."""
    if header is None or not (header.isascii() and header.isdigit()):
        return None
    return min(float(header[:9]), MAX_RETRY_AFTER)
