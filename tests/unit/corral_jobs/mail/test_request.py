"""What a publisher takes and refuses as a mail, by the registered schema alone."""

from typing import Any

import pytest

from corral.catalog.payloads.validation import Validator
from corral.catalog.record import record_of
from corral.errors import InvalidInput
from corral_jobs.mail import Mail, send

PLAIN = {"to": "ann@example.com", "subject": "Hello", "body": "It is ready."}
JOB = "0190a1b2-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"to": "Ann Smith <ann@example.com>"},
        {"to": ["ann@example.com", "Bob <bob@example.com>"]},
        {"to": "jörg@müller.example"},
        {"body": None, "html": "<p>Ready</p>"},
        {"cc": ["c@example.com"], "bcc": ["b@example.com"], "reply_to": "r@example.com"},
        {"list_unsubscribe": "https://example.com/u?id=1", "one_click": True},
        {"attachments": [{"job": JOB, "artifact": "a.pdf", "name": "b.pdf", "content_id": "logo"}]},
        {"variables": {"name": "Ann"}},
    ],
)
def test_a_mail_that_can_be_sent_is_taken(more: dict[str, Any]):
    mail = {**PLAIN, **more}
    Validator(record_of(send)).check(mail)
    Mail.model_validate(mail)


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"subject": "Hello\r\nBcc: all@example.com"}, "/payload/subject"),
        ({"subject": "Hello\nBcc: all@example.com"}, "/payload/subject"),
        ({"to": "ann@example.com\r\nBcc: all@example.com"}, "/payload/to"),
        ({"to": "Ann\r\nBcc: x <ann@example.com>"}, "/payload/to"),
        ({"to": "ann@example.com\n"}, "/payload/to"),
        ({"to": ["ann@example.com", "b@example.com\nX: y"]}, "/payload/to"),
        ({"to": "ann"}, "/payload/to"),
        ({"to": []}, "/payload/to"),
        ({"to": "a@example.com, b@example.com"}, "/payload/to"),
        ({"cc": ["c@example.com\rX: y"]}, "/payload/cc/0"),
        ({"bcc": ["c@example.com\x00"]}, "/payload/bcc/0"),
        ({"reply_to": "r@example.com\r\nX: y"}, "/payload/reply_to"),
        ({"list_unsubscribe": "https://example.com/\r\nX: y"}, "/payload/list_unsubscribe"),
        ({"list_unsubscribe": "http://example.com/"}, "/payload/list_unsubscribe"),
        ({"attachments": [{"job": JOB, "artifact": "a\nb"}]}, "/payload/attachments/0/artifact"),
        ({"attachments": [{"job": JOB, "artifact": "a", "content_id": "a>b"}]}, "/payload/attachments/0/content_id"),
        ({"body": None}, "/payload"),
        ({"from": "x@example.com"}, "/payload/from"),
    ],
)  # fmt: skip
def test_what_would_make_a_header_or_no_mail_is_refused_where_it_is_submitted(
    more: dict[str, Any], pointer: str
):
    with pytest.raises(InvalidInput) as refused:
        Validator(record_of(send)).check({**PLAIN, **more})
    assert any(error.pointer.startswith(pointer) for error in refused.value.errors), refused.value.errors
    with pytest.raises(ValueError):
        Mail.model_validate({**PLAIN, **more})
