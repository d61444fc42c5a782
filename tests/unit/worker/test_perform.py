"""Whatever the team's code raises is an ending, with words that do not depend on where the handler runs."""

import asyncio
import json

import pytest
from tests.integration.worker.handlers import rig_hostile

from corral_worker.attempts.handler_call import Raised, perform, perform_blocking

KINDS = {"validator": "payload", "post_init": "payload", "handler": "exception", "serializer": "result"}
CLASSES = {"Empty": "LookupError", "Odd": "ValueError", "Long": "ValueError"}
CLASSES |= {"Group": "ExceptionGroup", "Nested": "ExceptionGroup"}


def endings(at: str, what: str) -> list[Raised]:
    payload = json.dumps({"at": at, "what": what})
    one, other = rig_hostile.in_loop, rig_hostile.in_thread
    assert one.attached
    assert other.attached
    found = [
        asyncio.run(perform(one, one.attached, payload, None)),
        perform_blocking(other, other.attached, payload, None),  # type: ignore[arg-type]  # it takes none
    ]
    assert all(isinstance(ending, Raised) for ending in found), found
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("what", [*rig_hostile.ERRORS, "RecursionError", "Group", "Nested"])
@pytest.mark.parametrize("at", KINDS)
def test_whatever_is_raised_wherever_is_an_ending_that_names_it_and_its_place(at: str, what: str):
    in_loop, in_thread = (ending.error for ending in endings(at, what))
    if (at, what) == ("handler", "StopIteration"):  # Python's own rule for coroutines
        assert in_loop.message == "coroutine raised StopIteration"
        in_loop = in_thread
    assert "Traceback" in in_loop.traceback
    assert (in_loop.type, in_loop.message, in_loop.place) == (
        in_thread.type,
        in_thread.message,
        in_thread.place,
    )
    error = in_loop
    assert error.kind == KINDS[at]
    json.dumps([error.type, error.message, error.traceback, error.place]).encode()
    assert len(error.message) + len(error.traceback) < 40_000
    if error.type.endswith("ValidationError"):  # a ValueError in a validator is Pydantic's to tell
        assert error.message.startswith("1 validation error for Hostile")
        assert ("\nwhat\n" in error.message) == (at == "validator")
        return
    assert CLASSES.get(what, what) in f"{error.type}: {error.message}"
    if (at, what) == ("serializer", "RecursionError"):  # Pydantic keeps no traceback of it
        assert "`write`" in error.message
    else:
        assert "rig_hostile" in (error.place if at == "handler" else error.message)


def test_a_validators_text_that_cannot_be_stored_is_made_so():
    for ending in endings("validator", "Odd"):
        ending.error.message.encode()
        assert "\0" not in ending.error.message


def test_a_handler_that_returns_what_nobody_awaits_is_told():
    for ending in endings("awaitable", ""):
        assert "await" in ending.error.message
