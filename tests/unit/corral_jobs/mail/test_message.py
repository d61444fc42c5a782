"""The bytes of a mail, and the templates that its texts may be."""

import tracemalloc
from email import message_from_bytes, policy
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.errors import InvalidInput
from corral_jobs.mail import Mail, template
from corral_jobs.mail.message import AttachedFile, Composed, Texts, compose

JOB = UUID("0190a1b2-c3d4-7000-8000-000000000001")


def made(*files: AttachedFile, **fields: object) -> Composed:
    mail = Mail.model_validate({"to": "ann@example.com", "subject": "Hello", "body": "Ready.", **fields})
    texts = Texts(mail.subject, mail.body, mail.html)
    return compose(mail, texts, files, job=JOB, sender="Corral <corral@example.com>")


def read(composed: Composed):
    return message_from_bytes(composed.content, policy=policy.default)


def test_three_fields_make_a_mail():
    mail = read(made())
    assert mail["To"] == "ann@example.com"
    assert mail["From"] == "Corral <corral@example.com>"
    assert mail["Subject"] == "Hello"
    assert mail["Message-ID"] == f"<{JOB}@example.com>"
    assert mail.get_content() == "Ready.\r\n"


def test_the_same_job_makes_the_same_bytes():
    file = AttachedFile("a.pdf", b"%PDF")
    picture = AttachedFile("logo.png", b"\x89PNG", "logo")
    one, other = (made(file, picture, html="<img src='cid:logo'>") for _ in range(2))
    assert one == other


def test_a_mail_with_everything_has_each_part_where_readers_look():
    mail = read(
        made(
            AttachedFile("bericht für ann.pdf", b"%PDF"),
            AttachedFile("logo.png", b"\x89PNG", "logo"),
            to=["Ann Smith <ann@example.com>", "bob@example.com"],
            subject="Ein Bericht für Sie ✓",
            html="<p>Fertig <img src='cid:logo'></p>",
            cc=["c@example.com"],
            bcc=["b@example.com"],
            reply_to="help@example.com",
            list_unsubscribe="https://example.com/u",
            one_click=True,
        )
    )
    assert mail["Subject"] == "Ein Bericht für Sie ✓"
    assert [str(one) for one in mail["To"].addresses] == ["Ann Smith <ann@example.com>", "bob@example.com"]
    assert (mail["Cc"], mail["Bcc"], mail["Reply-To"]) == ("c@example.com", None, "help@example.com")
    assert mail["List-Unsubscribe"] == "<https://example.com/u>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content_type() == "multipart/mixed"
    assert mail.get_body(("plain",)).get_content() == "Ready.\r\n"
    related = mail.get_body(("related",))
    assert [part.get_content_type() for part in related.iter_parts()] == ["text/html", "image/png"]
    assert [part["Content-ID"] for part in related.iter_parts()][1] == "<logo>"
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("bericht für ann.pdf", b"%PDF")


def test_blind_copies_are_recipients_and_each_address_is_one_once():
    composed = made(to=["Ann <ann@example.com>"], cc=["ann@example.com"], bcc=["jo@müller.example"])
    assert composed.recipients == ("ann@example.com", "jo@xn--mller-kva.example")


@pytest.mark.parametrize("text", ["a\r\nBcc: x@example.com", "a\nb", "\ud800"])
def test_a_subject_that_a_template_breaks_makes_no_mail(text: str):
    mail = Mail(to="ann@example.com", subject="x", body="y")
    with pytest.raises(InvalidInput):
        compose(mail, Texts(text, "y", None), [], job=JOB, sender="c@example.com")


@given(st.text(max_size=80).filter(lambda text: text.isprintable()))
def test_any_printable_subject_arrives_in_one_header(subject: str):
    mail = read(made(subject=subject.strip()))
    assert mail["Subject"].split() == subject.split()
    assert mail["Bcc"] is None


def test_a_mail_larger_than_servers_take_is_refused():
    with pytest.raises(InvalidInput, match="at most 25,000,000"):
        made(AttachedFile("a.bin", b"\0" * 20_000_000))


def test_a_template_is_filled_in_and_escapes_where_it_is_html():
    assert template.render("subject", "Hello {{ name }}", {"name": "<Ann>"}) == "Hello <Ann>"
    assert template.render("html", "<p>{{ name }}</p>", {"name": "<Ann>"}, html=True) == "<p>&lt;Ann&gt;</p>"


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing }}",
        "{% if %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
        "{% include '/etc/passwd' %}",
        "{{ ''.__class__.__mro__ }}",
        "{{ 'x' * 2000000 }}",
        "{% set a = 'x' * 1000 %}{% for i in range(2000) %}{{ a }}{% endfor %}",
    ],
)
def test_a_template_that_is_wrong_or_takes_too_much_is_refused_with_its_field(source: str):
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match="/body: the template"):
            template.render("body", source, {})
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
