"""Fetching a box piece by piece: shared where it was asked for before, split where it is too much."""

import hashlib
from collections import deque
from typing import Any, Final
from urllib.parse import urlencode

from corral.context import Context
from corral.errors import Discard, FailureReason, OutgoingFailed, Retry
from corral_jobs.area.box import Box
from corral_jobs.area.overpass import CONTENT_TYPE, PATH, AnswerKind, ReadAnswer, query_of, read
from corral_jobs.area.request import MAX_PIECES, AreaRequest

MAX_ELEMENTS: Final = 100_000
LEAST_DEGREES: Final = 0.002
"""A piece is not split further: some 200 m."""


class Fetching:
    """One box being fetched."""

    def __init__(self, request: AreaRequest, ctx: Context) -> None:
        self._request, self._ctx = request, ctx
        self.elements: dict[tuple[str, int], dict[str, Any]] = {}
        """Each once, by type and id: one that lies in two pieces comes with both."""
        self.pieces = self.requests = self.shared = self.size = 0

    async def run(self) -> None:
        """Fetch all of it.

        Raises:
            Discard: it is more than can be fetched.
            Retry, ProviderBusy, OutgoingFailed: another try may get it; pieces that are there are not asked for again.
        """
        left = deque(self._request.box.pieces(self._request.piece_degrees))
        while left:
            piece = left.popleft()
            found = await self._piece(piece)
            if found.reading is AnswerKind.TOO_MUCH:
                self._refuse_smaller(piece, found.why)
                left.extendleft(reversed(piece.quarters()))
                self._ctx.log(
                    "a piece is too much for the provider, and is asked for in quarters", reason=found.why
                )
                continue
            self.pieces += 1
            self._keep(found)
            done = self.pieces + len(left)
            self._ctx.progress(90 * self.pieces / done, f"{self.pieces} of {done} pieces are there")

    async def _piece(self, box: Box) -> ReadAnswer:
        request, providers = self._request, self._ctx.providers
        query = query_of(request, box, request.timeout)
        digest = hashlib.sha256(f"{request.provider}\n{query}".encode()).hexdigest()
        if request.share_seconds > 0:
            known = await providers.shared_answer(digest, request.share_seconds)
            if known is not None and (found := read(known)).reading is AnswerKind.GOOD:
                self.shared += 1
                return found
        self.requests += 1
        try:
            answer = await providers.call(
                request.provider,
                "POST",
                PATH,
                headers={"Content-Type": CONTENT_TYPE, "Accept": "application/json"},
                content=urlencode({"data": query}).encode(),
            )
        except OutgoingFailed as error:
            if error.reason is FailureReason.TOO_LARGE:
                return ReadAnswer(
                    AnswerKind.TOO_MUCH, why="the answer is larger than the provider's max_bytes"
                )
            raise
        if answer.status >= 500 or answer.status in (408, 425):
            raise Retry(f"provider {request.provider} answered {answer.status}")
        if answer.status != 200:
            why = read(answer.body).why
            raise Discard(f"provider {request.provider} answered {answer.status}: {why}")
        self.size += len(answer.body)
        found = read(answer.body)
        if found.reading is AnswerKind.ERROR:
            raise Retry(f"provider {request.provider} answered 200 with an error: {found.why}")
        if found.reading is AnswerKind.GOOD and request.share_seconds > 0:
            await providers.share_answer(digest, request.provider, answer.body)
        return found

    def _keep(self, found: ReadAnswer) -> None:
        for element in found.elements:
            self.elements[str(element["type"]), int(element["id"])] = element
        if len(self.elements) > MAX_ELEMENTS:
            raise Discard(
                f"the box has more than {MAX_ELEMENTS:,} elements; ask for a smaller one, or for more tags"
            )

    def _refuse_smaller(self, piece: Box, why: str) -> None:
        if max(piece.width, piece.height) <= LEAST_DEGREES or self.requests >= 4 * MAX_PIECES:
            raise Discard(f"provider {self._request.provider} can't answer even a small piece: {why}")
