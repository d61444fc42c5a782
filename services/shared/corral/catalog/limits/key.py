"""What a limit counts by: the value of one payload field, or the domains of the addresses in some.

by="customer.id"            one key: the value
by="domain(to, cc, bcc)"    a key for each domain: a job takes its cost of every one
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from corral.catalog.payloads.field import MISSING, PayloadField, payload_field
from corral.errors import FieldError, InvalidInput

DOMAINS: Final = re.compile(r"domain\(([^()]+)\)")
"""A `by` that reads the domains of addresses, as `ann@example.com` or `Ann <ann@example.com>`."""


def paths_of(by: str) -> tuple[str, ...]:
    """The paths of the payload fields that a `by` reads."""
    found = DOMAINS.fullmatch(by)
    return tuple(part.strip() for part in found[1].split(",")) if found else (by,)


class KeyReader:
    """Reads the keys of payloads. Compiled once."""

    def __init__(self, schema: Mapping[str, Any] | None, by: str) -> None:
        """Raises: NoSuchField: it names a field that the payload does not have."""
        self._domains = DOMAINS.fullmatch(by) is not None
        self._fields = [payload_field(schema, path) for path in paths_of(by)]

    def texts(self, payload: Any, limit: str) -> list[str]:
        """The keys, each once; none where the payload has no value there.

        Raises:
            InvalidInput: a value can't be a key; names the field and the limit.
        """
        found = (text for field in self._fields for text in self._of(field, field.read(payload), limit))
        return list(dict.fromkeys(found))

    def _of(self, field: PayloadField, value: Any, limit: str) -> Iterator[str]:
        if value is MISSING or value is None or value == "":
            return
        if self._domains:
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, str) and (domain := domain_of(one)):
                    yield domain
            return
        text = key_text(value)
        if text is None:
            kind = "a list" if isinstance(value, list) else "an object"
            raise InvalidInput(
                FieldError(
                    field.pointer,
                    f"is {kind}; the limit {limit} counts by it, so it must be text, a number, true or false",
                )
            )
        yield text


def key_text(value: Any) -> str | None:
    """The key that a payload's value is, as text; None where it can be none.

    5 and 5.0 are one key, as a model of whole numbers takes both for 5.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
        case str():
            return value
        case _:
            return None


def domain_of(address: str) -> str:
    """The domain of an address in small letters and in its ASCII form; empty where there is none."""
    domain = address.rpartition("@")[2] if "@" in address else ""
    domain = domain.partition(">")[0].strip().rstrip(".").lower()
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
