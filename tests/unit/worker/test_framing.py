import contextlib
from dataclasses import is_dataclass
from io import BytesIO
from pathlib import PurePath
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fixtures.claimed import claimed_job

from corral.errors import Conflict, FieldError, InvalidInput, TooLarge, Unavailable
from corral.job.outcome import ErrorKind, JobError
from corral_worker.attempts.handler_call import Raised, RequestedOutcome, Returned
from corral_worker.child_processes.framing import Decoder, OutOfStep, _Loader, encode
from corral_worker.child_processes.messages import (
    AttemptId,
    Begun,
    Call,
    CallAnswer,
    ChildReady,
    Ended,
    EndedSpan,
    JobEnded,
    LogMessage,
    ProgressMessage,
    Run,
    RunBatch,
)

ATTEMPT = AttemptId(UUID(int=7), 3)
CLAIMED = claimed_job(id=UUID(int=7), attempt=3, timeout=1.5, parent=UUID(int=1))
MESSAGES = [
    ChildReady(1),
    Run(CLAIMED, ("a", "b"), 1.5),
    RunBatch((CLAIMED, CLAIMED), ("a", "b"), None),
    Begun(ATTEMPT),
    JobEnded(ATTEMPT, Returned(None), 0),
    Ended(ATTEMPT, Returned('{"a": 1}'), 0),
    Ended(ATTEMPT, Raised(JobError(ErrorKind.EXCEPTION, "T", "no"), RequestedOutcome.DISCARD, 1.0), 3),
    ProgressMessage(ATTEMPT, 50, "half"),
    LogMessage(ATTEMPT, "text", {"a": [1, None, {"b": 2.5}]}),
    Call(ATTEMPT, 1, "put", ("name", "text/plain", b"\0" * 1000)),
    CallAnswer(1, UUID(int=2)),
    CallAnswer(2, [{"queue": "q", "waiting": 3}]),
    EndedSpan({"name": "own", "context": (1, 2, 1, False), "attributes": {"n": (1, 2)}}),
]


@given(st.data())
def test_messages_arrive_whole_in_whatever_pieces(data: st.DataObject):
    sent = data.draw(st.lists(st.sampled_from(MESSAGES), max_size=6))
    stream = b"".join(map(encode, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder, found = Decoder(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += decoder.feed(stream[start:end])
    assert found == sent


@given(
    before=st.lists(st.sampled_from(MESSAGES), max_size=2),
    place=st.integers(0, 10_000),
    other=st.integers(1, 255),
)
def test_an_altered_byte_never_makes_another_message(before: list[object], place: int, other: int):
    altered = bytearray(encode(MESSAGES[6]))
    altered[place % len(altered)] ^= other
    decoder, found = Decoder(), []
    with contextlib.suppress(OutOfStep):
        found += decoder.feed(b"".join(map(encode, before)) + bytes(altered) + encode(MESSAGES[0]) * 3)
    assert MESSAGES[0] not in found[len(before) :]
    assert all(message in before for message in found)


@given(st.binary(min_size=1))
@example(b"\xc0")
@example(encode(MESSAGES[0])[:-1])
def test_what_is_no_message_is_told_before_the_next_is_believed(nonsense: bytes):
    decoder = Decoder()
    with pytest.raises(OutOfStep):
        list(decoder.feed(nonsense + encode(MESSAGES[0]) * 2))


@pytest.mark.parametrize(
    "error",
    [
        Conflict("no"),
        InvalidInput(FieldError("/a", "no"), FieldError("/b", "neither")),
        TooLarge("the payload", 20, 10),
        Unavailable("postgres", "gone"),
    ],
)
def test_errors_of_ours_cross_with_all_they_say(error: Exception):
    (answer,) = Decoder().feed(encode(CallAnswer.refusing(1, error)))
    with pytest.raises(type(error)) as raised:
        answer.unwrap()
    assert (str(raised.value), vars(raised.value)) == (str(error), vars(error))


class Own(Conflict):
    def __reduce__(self) -> object:
        raise RuntimeError("not to be pickled")

    def __str__(self) -> str:
        raise RuntimeError("not to be printed")


@pytest.mark.parametrize("error", [KeyError("k"), Own("x")])
def test_an_error_of_another_kind_is_told(error: Exception):
    (answer,) = Decoder().feed(encode(CallAnswer.refusing(1, error)))
    with pytest.raises(Exception, match=type(error).__name__):
        answer.unwrap()


def ran(_: object) -> None:
    raise AssertionError("code of a message ran")


class Code:
    def __reduce__(self) -> object:
        return ran, (1,)


@pytest.mark.parametrize("value", [Code(), PurePath("a"), print, Own])
def test_no_class_or_code_of_a_handler_crosses(value: object):
    with pytest.raises(OutOfStep, match="holds a"):
        list(Decoder().feed(encode(Call(ATTEMPT, 1, "get", (value,)))))


def test_what_a_module_of_ours_imports_does_not_cross():
    for body in (b"ccorral_worker.handler_call\nsuppress\n.", b"ccorral_worker.handler_call\nraised\n."):
        with pytest.raises(OutOfStep, match="holds a corral_worker"):
            _Loader(BytesIO(body)).load()


def test_every_message_is_among_those_that_are_tried():
    from corral_worker.child_processes import messages  # noqa: PLC0415

    every = {
        one for one in vars(messages).values() if is_dataclass(one) and one.__module__ == messages.__name__
    }
    assert every == {type(message) for message in MESSAGES}
