"""The fake's claims of groups whose limits have room: it has none, so that the claim that decides is asked."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from corral.store import BeyondSlots
from corral.store.attempts.open_claims import OpenClaim, OpenTake


class FakeOpenClaims:
    """See corral.store.attempts.open_claims."""

    async def claim_open(
        self,
        worker: UUID,  # noqa: ARG002
        claim: UUID,  # noqa: ARG002
        groups: Mapping[UUID, OpenTake],  # noqa: ARG002
        types: Sequence[str],  # noqa: ARG002
        *,
        beyond: BeyondSlots | None = None,  # noqa: ARG002
    ) -> OpenClaim:
        """Take nothing, as where a limit may have no room."""
        return OpenClaim([], {})
