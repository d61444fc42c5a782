"""Calls that a handler in a child process makes on its context; the worker answers them."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any, Final

from corral.context import ContextLink
from corral.tracing.activation import tracer
from corral_worker.child_processes import messages

METHODS: Final = frozenset(
    {
        "checkpoint",
        "submit",
        "submit_many",
        "then",
        "begin_effect",
        "end_effect",
        "withdraw_effect",
        "put",
        "publish",
        "get",
        "upload",
        "statistics",
        "take_budget",
        "settle",
        "hold_limit",
        "release_limit",
        "limit_lost",
    }
)
"""Methods of `AttemptLink` that a child may call."""


class ChildCalls:
    """Makes the calls of one child on the links of its attempts, several at once, and sends back what they answer."""

    def __init__(self, send: Callable[[messages.CallAnswer], None]) -> None:
        self._send = send
        self._running: set[asyncio.Task[None]] = set()

    def answer(self, call: messages.Call, link: ContextLink) -> None:
        """Make a call and send its answer, without waiting for it."""
        context = copy_context()
        if call.trace is not None and tracer() is not None:
            from corral.tracing.tracer import continue_in  # noqa: PLC0415  only with tracing

            context.run(continue_in, call.trace)
        task = asyncio.get_running_loop().create_task(self._answer(call, link), context=context)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, call: messages.Call, link: ContextLink) -> None:
        try:
            answer = messages.CallAnswer(call.number, await _ask(link, call))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised in the handler
            answer = messages.CallAnswer.refusing(call.number, error)
        self._send(answer)


async def _ask(link: ContextLink, call: messages.Call) -> Any:
    """Make a child's call on its attempt's link; its result.

    Raises:
        ValueError: there is no such call.
    """
    if call.method not in METHODS:
        raise ValueError(f"a context has no {call.method}")
    arguments = call.arguments
    if call.method == "put" and isinstance(arguments[2], str):
        arguments = (*arguments[:2], Path(arguments[2]))
    method: Callable[..., Any] = getattr(link, call.method)
    return await method(*arguments)
