"""What came back: status and headers at once, the body piece by piece, within its limits."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx2

from corral.errors import FailureReason, OutgoingFailed
from corral.outgoing.decoding import BadEncoding, decoder_for
from corral.outgoing.limits import RequestLimits


class Response:
    """An answer. Its body is read once, by `pieces` or by `read`."""

    def __init__(
        self,
        inner: httpx2.Response,
        limits: RequestLimits,
        deadline: float,
        origin: str,
        permanent_url: str | None = None,
    ) -> None:
        self._inner, self._limits, self._deadline, self._origin = inner, limits, deadline, origin
        self.permanent_url = permanent_url
        """The address to ask from now on, where redirects said that it has changed for good; None: the same."""

    @property
    def status(self) -> int:
        """The HTTP status, whatever it is: none raises an error."""
        return self._inner.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by name in capitals or not."""
        return self._inner.headers

    @property
    def url(self) -> str:
        """The address that answered, after redirects."""
        return str(self._inner.url)

    async def read(self) -> bytes:
        """The whole body, decompressed.

        Raises:
            OutgoingFailed: it is too large, is cut, can't be decompressed, or took too long.
        """
        return b"".join([piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, decompressed, in pieces of no fixed size.

        Raises:
            OutgoingFailed: as `read` does, after the pieces that were good.
        """
        try:
            decoder = decoder_for(self._inner.headers.get("Content-Encoding", ""))
            self._refuse(int(self._inner.headers.get("Content-Length", "0")))
            sent = size = 0
            async for data in self._raw():
                sent += len(data)
                self._refuse(sent)
                for piece in decoder.feed(data):
                    size += len(piece)
                    self._refuse(size)
                    yield piece
            decoder.end()
        except BadEncoding as error:
            raise OutgoingFailed(FailureReason.ENCODING, self._origin, f"the body: {error}") from error

    async def _raw(self) -> AsyncIterator[bytes]:
        raw = self._inner.aiter_raw()
        try:
            while True:
                async with asyncio.timeout_at(self._deadline):
                    data = await anext(raw, None)
                if data is None:
                    return
                yield data
        except TimeoutError as error:
            raise OutgoingFailed(
                FailureReason.TIMEOUT, self._origin, f"it took longer than {self._limits.total:g} s in all"
            ) from error
        finally:
            await raw.aclose()

    def _refuse(self, size: int) -> None:
        if size > self._limits.max_bytes:
            raise OutgoingFailed(
                FailureReason.TOO_LARGE,
                self._origin,
                f"the body is larger than {self._limits.max_bytes:,} bytes",
            )
