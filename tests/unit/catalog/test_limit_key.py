"""What a limit counts by: the domains of addresses, each once."""

from typing import Any

import pytest
from pydantic import BaseModel

from corral.catalog import Rate, job_type
from corral.catalog.limits.evaluation import LimitEvaluation, LimitValues
from corral.catalog.payloads.schema import payload_schema_of
from corral.errors import DeclarationError
from corral_jobs.mail import Mail, send
from corral_jobs.mail.declaration import per_domain


def keys_of(payload: dict[str, Any]) -> list[str]:
    schema = payload_schema_of(send.payload_adapter)
    uses = LimitEvaluation([LimitValues(per_domain.name, per_domain.values)], schema).uses(payload)
    assert {use.limit for use in uses} == {"email-domain"}
    assert {use.cost for use in uses} == {1.0}
    return [use.key for use in uses]


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ({"to": "ann@example.com"}, ["example.com"]),
        ({"to": "Ann <ann@Example.COM>"}, ["example.com"]),
        ({"to": ["ann@example.com", "bob@example.com"]}, ["example.com"]),
        (
            {"to": ["ann@example.com"], "cc": ["b@b.org"], "bcc": ["c@c.net", "d@b.org"]},
            ["example.com", "b.org", "c.net"],
        ),
        ({"to": "ann@b\u00fccher.example"}, ["xn--bcher-kva.example"]),
        ({"to": '"a@b" <ann@example.com>'}, ["example.com"]),
    ],
)
def test_a_mail_counts_once_for_each_domain_among_its_recipients(
    addresses: dict[str, Any], expected: list[str]
):
    Mail.model_validate({"subject": "s", "body": "b", **addresses})
    assert keys_of({"subject": "s", "body": "b", **addresses}) == expected


def test_domains_are_of_fields_that_hold_addresses():
    class Bill(BaseModel):
        to: str
        cents: int

    with pytest.raises(
        DeclarationError, match="by names cents, which may be integer; domains are of addresses"
    ):
        job_type("acme.bill", payload=Bill, limits=[Rate("bills", 1, per=1, by="domain(to, cents)")])
    with pytest.raises(DeclarationError, match="the payload has no field cc; it has cents, to"):
        job_type("acme.bill", payload=Bill, limits=[Rate("bills", 1, per=1, by="domain(to, cc)")])
