"""A caller that waits for what becomes of the group that its request is in."""

import asyncio
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class WaitingCaller(Generic[T]):
    """One caller and its answer. Made on the event loop."""

    answer: asyncio.Future[T] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def tell(self, answer: T | BaseException) -> None:
        """Give the caller its answer, or raise an error there; nothing where it has one already or went away."""
        if self.answer.done():
            return
        if isinstance(answer, BaseException):
            self.answer.set_exception(answer)
            self.answer.exception()  # a caller that went away leaves no warning
        else:
            self.answer.set_result(answer)
