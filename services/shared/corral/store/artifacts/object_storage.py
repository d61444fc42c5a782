"""Artifacts in a bucket of object storage that speaks the S3 protocol: AWS S3, Google Cloud Storage, R2, MinIO and others.

An object appears whole or not at all: a small one by one request, a larger one in parts that its last request puts
together. Parts of a writer that was killed are seen by nobody; the bucket's lifecycle rule removes them.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from corral.errors import NotFound, Unavailable
from corral.settings.bucket import Bucket
from corral.store.artifacts.storage import CHUNK_BYTES, LOCATION, STRAY_SECONDS

if TYPE_CHECKING:  # the library has them in its stubs alone
    from obstore.store import ClientConfig, S3Config

PART_BYTES = 8 * 2**20
"""Bytes of a part of an upload. S3 takes 10,000 parts: an artifact has 78 GiB at most."""
PARTS_AT_ONCE = 2
"""Parts of one artifact under way: a writer holds this many and one that is being filled."""
RANGE_BYTES = 4 * 2**20
"""Bytes that a reader asks for at once and holds: its client may be slow, and no request waits for it."""
REMOVALS_AT_ONCE = 16
CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 20.0
"""Seconds without an answer after which a request is given up."""
REQUEST_SECONDS = 60.0
RETRIES = 3
"""Times that the library repeats a request that was answered with a server error, or whose connection broke."""
RETRY_SECONDS = 15.0
"""Seconds after its start in which a request is repeated."""

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_OWN_ROLE = re.compile(r"/latest/(api/token|meta-data)|AssumeRoleWithWebIdentity|v2/credentials")
"""Where the library looks for credentials that nobody gave it."""
NO_CREDENTIALS = "set CORRAL_ARTIFACT_ACCESS_KEY and CORRAL_ARTIFACT_SECRET_KEY, or give this process a role"
_REFUSALS = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"}
)


class ObjectStorage:
    """Objects in a bucket, under a prefix. Every part of what an error says is chosen here: none can hold a secret."""

    name = "s3"

    def __init__(
        self,
        bucket: Bucket,
        *,
        silence_seconds: float = SILENCE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        stray_seconds: float = STRAY_SECONDS,
    ) -> None:
        """Connects when first used. The seconds are described at their constants.

        Raises:
            OSError: the file of authorities can't be read.
        """
        self._bucket, self._stray_seconds = bucket, stray_seconds
        self._objects = _objects(bucket, silence_seconds, retry_seconds)
        self._looked_to: str | None = None
        """The last key that the search for strays has looked at; None: it begins anew."""

    async def write(self, location: str, chunks: AsyncIterator[bytes]) -> None:
        """See ArtifactStorage."""
        held = bytearray()
        async for chunk in chunks:
            held += chunk
            if len(held) >= PART_BYTES:
                break
        if len(held) >= PART_BYTES:
            await self._write_in_parts(location, bytes(held), chunks)
            return
        with self._translated(location):
            await obstore.put_async(self._objects, location, bytes(held), use_multipart=False)

    async def _write_in_parts(self, location: str, held: bytes, rest: AsyncIterator[bytes]) -> None:
        """What was read already, then the rest. The content is read in the task that began to read it."""
        relay = _Relay()
        sending = asyncio.ensure_future(self._send(location, relay))
        sending.add_done_callback(relay.close)
        try:
            await relay.put(held)
            del held
            async for chunk in rest:
                if sending.done():
                    break
                await relay.put(chunk)
        except BaseException:
            relay.given_up = True
            raise
        finally:
            await relay.put(None)
            await asyncio.wait([sending])
        await sending

    async def _send(self, location: str, relay: "_Relay") -> None:
        with self._translated(location):
            await obstore.put_async(
                self._objects,
                location,
                relay.pieces(),
                use_multipart=True,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )

    async def read(self, location: str, start: int, end: int) -> AsyncIterator[bytes]:
        """See ArtifactStorage."""
        while start < end:
            with self._translated(location):
                piece = await obstore.get_range_async(
                    self._objects, location, start=start, end=min(start + RANGE_BYTES, end)
                )
            if not len(piece):
                raise NotFound("artifact", location)
            view = memoryview(piece)
            for at in range(0, len(view), CHUNK_BYTES):
                yield bytes(view[at : at + CHUNK_BYTES])
            start += len(view)

    async def remove(self, locations: list[str]) -> None:
        """See ArtifactStorage."""
        for first in range(0, len(locations), REMOVALS_AT_ONCE):
            some = locations[first : first + REMOVALS_AT_ONCE]
            await asyncio.gather(*(self._remove(location) for location in some))

    async def _remove(self, location: str) -> None:
        try:
            with self._translated(location):
                await obstore.delete_async(self._objects, location)
        except NotFound:  # some servers say so, others don't
            pass

    async def strays(self, limit: int) -> list[str]:
        """See ArtifactStorage."""
        looked: list[tuple[str, float]] = []
        with self._translated(""):
            stream = obstore.list(self._objects, offset=self._looked_to, chunk_size=limit)
            async for batch in stream:
                looked = [(one["path"], one["last_modified"].timestamp()) for one in batch]
                break
        self._looked_to = looked[-1][0] if len(looked) == limit else None
        before = time.time() - self._stray_seconds
        return [path for path, changed in looked if changed < before and LOCATION.fullmatch(path)]

    async def try_out(self) -> None:
        """See ArtifactStorage."""
        with self._translated(""):
            async for _ in obstore.list(self._objects, chunk_size=1):
                break

    def close(self) -> None:
        """See ArtifactStorage. The library closes its connections with its object."""
        del self._objects

    @contextmanager
    def _translated(self, location: str) -> Iterator[None]:
        """The library's errors as ours."""
        try:
            yield
        except FileNotFoundError as error:
            if "<Code>NoSuchBucket" not in str(error):
                raise NotFound("artifact", location) from None
            raise self._unavailable(error) from None
        except (BaseError, OSError, ValueError) as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: Exception) -> Unavailable:
        said, where = str(error), self._bucket.where
        code, status = _CODE.search(said), _STATUS.search(said)
        reason = code.group(1) if code else status.group(1) if status else None
        if _OWN_ROLE.search(said):
            return Unavailable("artifacts", f"there are no credentials for {where}: {NO_CREDENTIALS}")
        if reason == "NoSuchBucket":
            return Unavailable("artifacts", f"there is no {where}")
        if reason in _REFUSALS or (status is not None and status.group(1) in {"401", "403"}):
            return Unavailable("artifacts", f"{where} refuses the key: {reason}")
        if reason is not None:
            return Unavailable("artifacts", f"{where} answers {reason}")
        if "kind: Timeout" in said or "timed out" in said:
            return Unavailable("artifacts", f"{where} does not answer in time")
        return Unavailable("artifacts", f"{where} can't be reached")


class _GivenUp(Exception):
    """Makes the library take back the parts that it has sent."""


class _Relay:
    """Hands pieces from the task that reads the content to the one that sends it."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._closed = False
        self.given_up = False
        """Whether the end of the pieces is no end of the content."""

    async def put(self, piece: bytes | None) -> None:
        """Hand a piece on, None behind the last one; without effect once it is closed."""
        if not self._closed:
            await self._pieces.put(piece)

    async def pieces(self) -> AsyncIterator[bytes]:
        """What was put, up to its end.

        Raises:
            _GivenUp: there will be no more.
        """
        while (piece := await self._pieces.get()) is not None:
            yield piece
        if self.given_up:
            raise _GivenUp

    def close(self, sent: asyncio.Future[None]) -> None:
        """Nobody takes pieces any more: whoever waits to put one goes on."""
        self._closed = True
        if not sent.cancelled():
            sent.exception()  # the writer may have an error of its own to raise
        while not self._pieces.empty():
            self._pieces.get_nowait()


def _objects(bucket: Bucket, silence_seconds: float, retry_seconds: float) -> S3Store:
    options: ClientConfig = {
        "allow_http": True,
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=silence_seconds),
        "timeout": timedelta(seconds=REQUEST_SECONDS),
    }
    if bucket.ca_file is not None:
        options["root_certificate"] = bucket.ca_file.read_bytes()
    config: S3Config = {
        "region": bucket.region,
        "disable_bulk_delete": True,  # Google's storage knows no removal of several at once
        "virtual_hosted_style_request": bucket.addressing == "virtual",
    }
    if (endpoint := _endpoint(bucket)) is not None:
        config["aws_endpoint_url_s3"] = endpoint
    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        config=config,
        client_options=options,
        retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=retry_seconds)},
        credential_provider=_credentials(bucket),
    )


def _credentials(bucket: Bucket) -> Callable[[], Any] | None:
    """Those of the settings. As options they would be shown by the store's repr, and mixed with a token of the environment."""
    access_key, secret_key = bucket.access_key, bucket.secret_key
    if access_key is None or secret_key is None:
        return None

    def given() -> dict[str, str | None]:
        return {
            "access_key_id": access_key,
            "secret_access_key": secret_key,
            "token": None,
            "expires_at": None,
        }

    return given


def _endpoint(bucket: Bucket) -> str | None:
    """The server's address as the library wants it: with the bucket before the host, where requests have it there."""
    if bucket.endpoint is None or bucket.addressing == "path":
        return bucket.endpoint
    parts = urlsplit(bucket.endpoint)
    return urlunsplit(parts._replace(netloc=f"{bucket.name}.{parts.netloc}"))
