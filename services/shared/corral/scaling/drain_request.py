"""What whoever scales a pool asks of a worker: a request to leave; the maintenance leader turns it into a drain in Postgres."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DrainRequest:
    """A request that a worker drains, and seals itself once it is empty."""

    nonce: str | None = None
    """None: drain only. Otherwise: seal, and answer with this very text."""


@dataclass(frozen=True, slots=True)
class Unseal:
    """A request that a worker breaks its seal at once, because it is needed again."""


Order = DrainRequest | Unseal
"""What stands for one worker; the later word replaces the earlier one."""
