"""The unique key of a payload, and uniqueness as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import blake2b
from typing import Any, Final

from corral import json_codec
from corral.catalog.limits.key import key_text
from corral.catalog.payloads.field import MISSING, NoSuchField, PayloadField, payload_field
from corral.errors import DeclarationError
from corral.job.shown import shown
from corral.job.unique import MAX_KEY, PAYLOAD, Unique

JOINED: Final = "#"
"""Between the values of a key: `source#guid`."""
NOTHING: Final = "%null"
"""Stands for a field that the payload leaves out, or that is null. No value is written so."""
DIGEST_BYTES: Final = 16


class UniqueEvaluation:
    """Makes the keys of the payloads of one job type. Compiled once."""

    def __init__(self, unique: Unique, schema: Mapping[str, Any] | None) -> None:
        """Raises: NoSuchField: it names a field that the payload does not have."""
        self.unique = unique
        self._fields = [_field(schema, path) for path in unique.fields]
        known = (schema or {}).get("properties", {}) if unique.by == PAYLOAD else {}
        self._known = {name: payload_field(schema, name) for name in known if "." not in name}

    def key(self, payload: Any) -> str:
        """The key of a payload, as parsed JSON.

        The same values make the same key, however they are written: 5 and 5.0, and a field that is left out and its
        default.
        """
        if self.unique.by == PAYLOAD:
            return f"{PAYLOAD}{JOINED}{_digest(_canonical(self._whole(payload)))}"
        text = JOINED.join(_part(field.read(payload)) for field in self._fields)
        return (
            text
            if len(text) <= MAX_KEY
            else f"{text[: MAX_KEY - 2 * DIGEST_BYTES - 1]}{JOINED}{_digest(text)}"
        )

    def _whole(self, payload: Any) -> Any:
        if not isinstance(payload, Mapping) or not self._known:
            return payload
        taken = {alias for field in self._known.values() for alias in field.steps[0]}
        values = {name: field.read(payload) for name, field in self._known.items()}
        rest = {name: value for name, value in payload.items() if name not in taken}
        return {**rest, **{name: value for name, value in values.items() if value is not MISSING}}


def unique_to_json(unique: Unique) -> dict[str, Any]:
    """The uniqueness as JSON."""
    made = asdict(unique)
    return made | {"by": list(unique.by) if isinstance(unique.by, tuple) else unique.by}


def unique_of(value: Any) -> Unique:
    """The uniqueness that a person writes as an object, or that is stored.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    if not isinstance(value, Mapping):
        raise ValueError(  # noqa: TRY004  # as of every option that a person writes
            f'is {shown(value)}; it must be an object such as {{"by": ["guid"], "within": "live"}}'
        )
    known = Unique.__dataclass_fields__
    if unknown := sorted(value.keys() - known.keys()):
        raise ValueError(f"has no part {', '.join(unknown)}; known: {', '.join(known)}")
    try:
        return Unique(**value)
    except DeclarationError as error:
        raise ValueError(str(error).removeprefix("unique: ")) from None


def _field(schema: Mapping[str, Any] | None, path: str) -> PayloadField:
    try:
        return payload_field(schema, path)
    except NoSuchField as error:
        raise NoSuchField(f"{path}; the payload has {error}") from None


def _part(value: Any) -> str:
    """One value within a key: what would be read as two values is written with a percent sign."""
    if value is MISSING or value is None:
        return NOTHING
    text = key_text(value)
    if text is None:
        text = _canonical(value)
    escaped = text.replace("%", "%25").replace(JOINED, "%23")
    return "".join(one if one.isprintable() else f"%{ord(one):02X}" for one in escaped)


def _canonical(value: Any) -> str:
    """JSON in one way: keys sorted, numbers that are equal written alike."""
    return json_codec.dumps(_plain(value)).decode()


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(name): _plain(value[name]) for name in sorted(value, key=str)}
        case list() | tuple():
            return [_plain(one) for one in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).hexdigest()
