"""Who has got a mail, from one attempt of its job to the next."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Delivered:
    """What is known of the deliveries of a mail: more than one where a server took it for some only."""

    sent: tuple[str, ...] = ()
    """Who has got it."""
    answer: str = ""
    """The server's last words."""
    deliveries: int = 0
    """How often the text was handed over."""
    offered: tuple[str, ...] = ()
    """For whom the server is ready to take the next one."""

    @classmethod
    def of(cls, checkpointed: Any) -> Self:
        """What an earlier attempt left."""
        known = checkpointed or {}
        return cls(
            tuple(known.get("sent", ())),
            known.get("answer", ""),
            known.get("deliveries", 0),
            tuple(known.get("offered", ())),
        )

    def offering(self, recipients: Sequence[str]) -> Self:
        """The same before a delivery to these."""
        return replace(self, offered=tuple(recipients))

    def delivered(self, receipt: Any) -> Self:
        """The same after a delivery. A person who settles one as done gives no receipt: it went to whom it was offered."""
        known = receipt if isinstance(receipt, dict) else {}
        return replace(
            self,
            sent=(*self.sent, *known.get("sent", self.offered)),
            answer=known.get("answer", "settled as sent by a person"),
            deliveries=self.deliveries + 1,
            offered=(),
        )

    def json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)
