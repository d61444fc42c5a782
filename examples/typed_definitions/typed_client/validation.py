# Made by corral codegen; the next run overwrites it.
"""Judges payloads before they are sent, as the publisher would, and in its words."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, TypeGuard
from uuid import UUID

Rule = bool | dict[str, Any]

MAX_ERRORS = 20
"""Errors that are told at once."""
MAX_MESSAGE = 300
MAX_ALTERNATIVES = 3
SHOWN = 60
"""Characters of a value that a message repeats."""
MAX_DEPTH = 64
"""Nesting that the publisher takes."""
_LONG = 10**SHOWN
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_OTHER = frozenset({"type", "enum", "constant", "taken"})
"""Faults that say that a value is of another kind altogether."""
_COUNTED = {
    "minLength": ("characters", "at least"),
    "maxLength": ("characters", "at most"),
    "minItems": ("items", "at least"),
    "maxItems": ("items", "at most"),
    "minProperties": ("members", "at least"),
    "maxProperties": ("members", "at most"),
}
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with a payload: where, as a JSON pointer (RFC 6901), and why."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}"


class InvalidPayload(ValueError):
    """The payload is not what the job type takes; nothing was sent."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__("; ".join(map(str, errors)))


def check(rules: dict[str, Rule], payload: Any) -> None:
    """Accept what the publisher accepts.

    Raises:
        InvalidPayload: with one error per fault, at most 20, each with its pointer below `/payload`.
    """
    errors = list(_storable(payload, "/payload", 0))
    if not errors:
        judge = _Judge(rules)
        for fault in judge.faults(rules[""], payload, (), 0):
            errors.extend(_told(fault))
            if len(errors) >= MAX_ERRORS:
                break
    if errors:
        raise InvalidPayload(errors[:MAX_ERRORS])


def _storable(value: Any, place: str, depth: int) -> Iterator[FieldError]:
    """What JSON, or the publisher's database, has no word for."""
    if _is_object(value) or _is_list(value):
        if depth >= MAX_DEPTH:
            yield FieldError(place, f"is nested deeper than {MAX_DEPTH} levels")
            return
        items = value.items() if _is_object(value) else enumerate(value)
        for key, item in items:
            yield from _storable(item, f"{place}/{_escaped(key)}", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        yield FieldError(place, f"is {value}, which JSON has no word for")


@dataclass
class _Fault:
    """A value that a rule refuses."""

    kind: str
    path: tuple[str | int, ...]
    rule: dict[str, Any]
    value: Any
    names: list[str] = field(default_factory=lambda: [])
    """Members that are missing or unknown."""
    inner: list[list[_Fault]] = field(default_factory=lambda: [])
    """What is wrong with each way to be right."""


class _Judge:
    """Finds what is wrong with one payload. Whatever it is unsure of, it takes."""

    def __init__(self, rules: dict[str, Rule]) -> None:
        self._rules = rules
        self._unsure = 0
        self._following: set[tuple[str, int]] = set()

    def faults(
        self, rule: Rule, value: Any, path: tuple[str | int, ...], depth: int
    ) -> Iterator[_Fault]:
        """What is wrong with a value, in the publisher's order."""
        if rule is True or depth > 10 * MAX_DEPTH:
            return
        if rule is False:
            yield _Fault("nothing", path, {}, value)
            return
        if rule.get("unsure"):
            self._unsure += 1
        yield from self._scalar(rule, value, path)
        if _is_object(value):
            yield from self._object(rule, value, path, depth)
        elif _is_list(value):
            yield from self._list(rule, value, path, depth)
        for part in rule.get("allOf", ()):
            yield from self.faults(part, value, path, depth + 1)
        if "ref" in rule:
            yield from self._followed(rule["ref"], value, path, depth)
        yield from self._choices(rule, value, path, depth)
        if "not" in rule and not list(self.faults(rule["not"], value, path, depth + 1)):
            yield _Fault("nothing", path, rule, value)
        if "if" in rule:
            fits = not list(self.faults(rule["if"], value, path, depth + 1))
            yield from self.faults(rule.get("then" if fits else "else", True), value, path, depth + 1)

    def _followed(
        self, name: str, value: Any, path: tuple[str | int, ...], depth: int
    ) -> Iterator[_Fault]:
        here = (name, id(value))
        if here in self._following:
            return
        self._following.add(here)
        try:
            yield from self.faults(self._rules[name], value, path, depth + 1)
        finally:
            self._following.discard(here)

    def _scalar(
        self, rule: dict[str, Any], value: Any, path: tuple[str | int, ...]
    ) -> Iterator[_Fault]:
        if "type" in rule and not any(_is_of(kind, value) for kind in rule["type"]):
            yield _Fault("type", path, rule, value)
        if "enum" in rule and not any(_equal(value, one) for one in rule["enum"]):
            yield _Fault("constant" if rule.get("constant") else "enum", path, rule, value)
        if isinstance(value, str):
            if not _matches(rule, value, self):
                yield _Fault("pattern", path, rule, value)
            if "format" in rule and self._of_format(rule["format"], value) is False:
                yield _Fault("format", path, rule, value)
        if _is_number(value):
            yield from (
                _Fault(key, path, rule, value)
                for key in _BOUNDS
                if key in rule and not _within(key, rule[key], value)
            )
            if "multipleOf" in rule and not self._multiple(value, rule["multipleOf"]):
                yield _Fault("multipleOf", path, rule, value)
        for key, (things, _) in _COUNTED.items():
            if key in rule and (count := _counted(things, value)) is not None:
                if count < rule[key] if key.startswith("min") else count > rule[key]:
                    yield _Fault(key, path, rule, value)
        if "taken" in rule and self._takes(rule["taken"], value) is False:
            yield _Fault("taken", path, rule, value)

    def _object(
        self, rule: dict[str, Any], value: dict[str, Any], path: tuple[str | int, ...], depth: int
    ) -> Iterator[_Fault]:
        missing = [name for name in rule.get("required", ()) if name not in value]
        for name in missing:
            yield _Fault("required", path, rule, value, names=[name])
        members: dict[str, Rule] = rule.get("properties", {})
        keyed: list[dict[str, Any]] = rule.get("keyed", [])
        others: Rule = rule.get("additionalProperties", True)
        unknown: list[str] = []
        for name, item in value.items():
            if name in members:
                yield from self.faults(members[name], item, (*path, name), depth + 1)
            fits = [one for one in keyed if _matches(one, name, self)]
            for one in fits:
                yield from self.faults(one["rule"], item, (*path, name), depth + 1)
            if name in members or fits:
                continue
            if others is False:
                unknown.append(name)
            else:
                yield from self.faults(others, item, (*path, name), depth + 1)
        if unknown:
            yield _Fault("unknown", path, rule, value, names=unknown)
        for name in value if "propertyNames" in rule else ():
            for inner in self.faults(rule["propertyNames"], name, path, depth + 1):
                yield _Fault("key", path, rule, name, inner=[[inner]])

    def _list(
        self, rule: dict[str, Any], value: list[Any], path: tuple[str | int, ...], depth: int
    ) -> Iterator[_Fault]:
        first: list[Rule] = rule.get("prefixItems", [])
        for number, item in enumerate(value[len(first) :], start=len(first)):
            yield from self.faults(rule.get("items", True), item, (*path, number), depth + 1)
        for number, (one, item) in enumerate(zip(first, value, strict=False)):
            yield from self.faults(one, item, (*path, number), depth + 1)

    def _choices(
        self, rule: dict[str, Any], value: Any, path: tuple[str | int, ...], depth: int
    ) -> Iterator[_Fault]:
        for key in ("anyOf", "oneOf"):
            if key not in rule:
                continue
            before = self._unsure
            inner = [list(self.faults(one, value, path, depth + 1)) for one in rule[key]]
            fitting = sum(not one for one in inner)
            if not fitting:
                yield _Fault(key, path, rule, value, inner=inner)
            elif key == "oneOf" and fitting > 1 and self._unsure == before:
                yield _Fault("several", path, rule, value, inner=inner)

    def unsure(self) -> None:
        """Say that something can't be judged here."""
        self._unsure += 1

    def _of_format(self, name: str, value: Any) -> bool | None:
        known = _of_format(name, value)
        if known is None:
            self.unsure()
        return known

    def _multiple(self, value: Any, step: Any) -> bool:
        if isinstance(value, int) and isinstance(step, int):
            return value % step == 0
        try:
            share = float(value) / step
        except OverflowError:
            self.unsure()
            return True
        if not math.isfinite(share):
            self.unsure()
            return True
        away = abs(share - round(share))
        if away > 1e-6:
            return False
        if away > 0:
            self.unsure()
        return True

    def _takes(self, scalar: dict[str, Any], value: Any) -> bool | None:
        """Whether the worker's model takes a value that JSON Schema alone may refuse."""
        if scalar.get("unsure"):
            self.unsure()
        if "enum" in scalar:
            return _chosen(scalar["enum"], value)
        known = [self._takes_kind(kind, scalar, value) for kind in scalar["type"]]
        if any(known):
            return True
        if None in known:
            self.unsure()
            return None
        return False

    def _takes_kind(self, kind: str, scalar: dict[str, Any], value: Any) -> bool | None:
        match kind:
            case "string":
                return self._takes_text(scalar, value)
            case "integer":
                number: float | None = _whole(value)
            case "number":
                number = _number(value)
            case "boolean":
                return _boolean(value)
            case _:
                return value is None
        if number is None:
            return False
        if not all(_within(key, scalar[key], number) for key in _BOUNDS if key in scalar):
            return False
        return "multipleOf" not in scalar or self._multiple(number, scalar["multipleOf"])

    def _takes_text(self, scalar: dict[str, Any], value: Any) -> bool | None:
        if "pattern" not in scalar and not scalar.get("trimmed"):
            if scalar.get("unsure"):
                return isinstance(value, str)
            return _of_format(scalar.get("format", ""), value)
        if not isinstance(value, str):
            return False
        if scalar.get("trimmed"):
            value = value.strip()
            least, most = scalar.get("minLength"), scalar.get("maxLength")
            if (least is not None and len(value) < least) or (most is not None and len(value) > most):
                return False
        return _matches(scalar, value, self)


def _matches(rule: dict[str, Any], value: str, judge: _Judge) -> bool:
    if "pattern" not in rule:
        return True
    if re.search(rule["pattern"]["python"], value):
        return True
    if rule["pattern"].get("ascii") and not value.isascii():
        judge.unsure()
        return True
    return False


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_of(kind: str, value: Any) -> bool:
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return _is_number(value) and (isinstance(value, int) or value.is_integer())
        case "number":
            return _is_number(value)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if _is_list(one) and _is_list(other):
        return len(one) == len(other) and all(map(_equal, one, other))
    if _is_object(one) and _is_object(other):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)


def _within(key: str, bound: Any, value: Any) -> bool:
    match key:
        case "minimum":
            return bool(value >= bound)
        case "maximum":
            return bool(value <= bound)
        case "exclusiveMinimum":
            return bool(value > bound)
        case _:
            return bool(value < bound)


def _counted(things: str, value: Any) -> int | None:
    if things == "characters":
        return len(value) if isinstance(value, str) else None
    if things == "items":
        return len(value) if _is_list(value) else None
    return len(value) if _is_object(value) else None


# What Pydantic takes in place of a value of another JSON type. Source: its conversion table.

_WHOLE = re.compile(r"[+-]?\d+(?:_\d+)*(?:\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?", re.ASCII)
_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE = frozenset({"0", "off", "f", "false", "n", "no"})
_NUMERIC = re.compile(r"[+-]?[\d.]+", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F-]{32,36}|urn:uuid:[0-9a-fA-F-]{32,36}|\{[0-9a-fA-F-]{32,36}\}")
_PLAIN_TIME = re.compile(
    r"(\d{2}:\d{2})(:\d{2})?(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)


def _whole(value: Any) -> int | None:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and len(value) < 4000 and _WHOLE.fullmatch(text := value.strip()):
        return int(text.partition(".")[0])
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text.lower().lstrip("+-") in ("inf", "infinity", "nan"):
        return float(text)
    return float(text.replace("_", "")) if _NUMBER.fullmatch(text) and text[-1:] != "_" else None


def _boolean(value: Any) -> bool:
    if isinstance(value, int | float):
        return value in (0, 1)
    return isinstance(value, str) and value.lower() in _TRUE | _FALSE


def _chosen(choices: list[Any], value: Any) -> bool:
    if isinstance(value, bool | int | float):
        return value in choices
    if any(_equal(value, one) for one in choices):
        return True
    numbers = bool(choices) and all(isinstance(one, int | float) for one in choices)
    return numbers and isinstance(value, str) and _number(value) in choices


def _of_format(name: str, value: Any) -> bool | None:
    """Whether a value is of a format; None where only the publisher knows."""
    match name:
        case "date" | "date-time":
            return _moment(value, name)
        case "time":
            return _time(value)
        case "duration":
            if isinstance(value, str):
                return None if any(sign.isdigit() for sign in value) else False
            return None if isinstance(value, int | float) else False
        case "email" | "name-email":
            return isinstance(value, str) and "@" in value
        case "uri":
            if not isinstance(value, str) or ":" not in value:
                return False
            plain = re.fullmatch(r"[a-z][a-z0-9]*://[a-z][a-z0-9.]*[a-z](?:/[a-z0-9/._-]*)?", value)
            return True if plain else None
        case _ if name.startswith("uuid"):
            return _uuid(value)
        case _ if name.startswith("ip"):
            return _address(name, value)
        case _:
            return isinstance(value, str)


def _moment(value: Any, name: str) -> bool | None:
    if _is_number(value):
        return None
    if not isinstance(value, str):
        return False
    if _NUMERIC.fullmatch(text := value.strip()):
        return None
    if not _DAY.match(text):
        return False
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return None if text.startswith("0000") else False
    if len(text) == 10:
        return True
    clock = _PLAIN_TIME.fullmatch(text[11:])
    if text[10] not in "Tt _" or (clock and not _clock(text[11:16])):
        return False
    return True if clock and name == "date-time" and text[10] == "T" and _seconds(clock) else None


def _time(value: Any) -> bool | None:
    if _is_number(value):
        return None
    if not isinstance(value, str):
        return False
    text = value.strip()
    if not _TIME.match(text):
        return None if _NUMERIC.fullmatch(text) else False
    if not _clock(text[:5]):
        return False
    clock = _PLAIN_TIME.fullmatch(text)
    return True if clock and _seconds(clock) else None


def _clock(text: str) -> bool:
    try:
        time.fromisoformat(text)
    except ValueError:
        return False
    return True


def _seconds(clock: re.Match[str]) -> bool:
    zone = clock[4] or "Z"
    return (clock[2] or ":00") <= ":59" and (zone == "Z" or (zone[1:3] <= "23" and zone[4:] <= "59"))


def _uuid(value: Any) -> bool | None:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        return None if isinstance(value, str) and "-" in value and len(value) >= 32 else False
    try:
        UUID(value)
    except ValueError:
        return None
    return True if value.count("-") in (0, 4) and len(value) in (32, 36) else None


def _address(name: str, value: Any) -> bool | None:
    if not isinstance(value, str):
        return None if _is_number(value) or isinstance(value, bool) else False
    readers: dict[str, Callable[[str], object]] = {
        "ipv4": ipaddress.IPv4Address,
        "ipv6": ipaddress.IPv6Address,
        "ipvanyaddress": ipaddress.ip_address,
        "ipv4network": ipaddress.IPv4Network,
        "ipv6network": ipaddress.IPv6Network,
        "ipvanynetwork": ipaddress.ip_network,
        "ipv4interface": ipaddress.IPv4Interface,
        "ipv6interface": ipaddress.IPv6Interface,
        "ipvanyinterface": ipaddress.ip_interface,
    }
    if name not in readers:
        return None
    try:
        readers[name](value)
    except ValueError:
        return False
    return True


# Words for what is wrong.


def _told(fault: _Fault) -> Iterator[FieldError]:
    """The errors that one fault stands for: missing and unknown members are named themselves."""
    match fault.kind:
        case "required" | "unknown":
            message = "is required" if fault.kind == "required" else "is not a known field"
            for name in fault.names:
                yield _error((*fault.path, name), message)
        case "anyOf" | "oneOf" | "several":
            yield from _told_choice(fault)
        case "key":
            key = _shown(fault.value)
            for error in _told(fault.inner[0][0]):
                message = f"has the key {key}: it {error.message}"
                yield _error(fault.path, message.replace(f"it is {key}; ", ""))
        case _:
            yield _error(fault.path, _message(fault))


def _message(fault: _Fault) -> str:
    if fault.kind in _COUNTED:
        things, bound = _COUNTED[fault.kind]
        count = _counted(things, fault.value) or 0
        number = f"1 {things.removesuffix('s')}" if count == 1 else f"{count:,} {things}"
        return f"has {number}; it must have {bound} {fault.rule[fault.kind]:,}"
    if fault.kind == "nothing":
        return "is not allowed"
    if fault.kind == "multipleOf":
        return f"is {_shown(fault.value)}; it must be a multiple of {fault.rule['multipleOf']}"
    return f"is {_shown(fault.value)}; it must be {fault.rule['says']}"


def _told_choice(fault: _Fault) -> Iterator[FieldError]:
    """Of several ways to be right: the one that was meant, where that can be told; else all."""
    rule, path = fault.rule, fault.path
    if "fields" in rule:
        names = rule["fields"]
        if "count" not in rule:
            others = f"; it may also be called {_either(names[1:])}" if len(names) > 1 else ""
            yield _error((*path, names[0]), f"is required{others}")
        else:
            yield _error(path, f"needs {rule['count']} one of {', '.join(names)}")
        return
    if "tagged" in rule:
        yield from _told_tagged(fault, rule["tagged"])
        return
    if fault.kind == "several":
        yield _error(path, f"fits more than one of what is allowed, and must fit one alone: {rule['says']}")
        return
    each: list[str] = rule.get("each", [""] * len(fault.inner))
    meant = [(one, words) for one, words in zip(fault.inner, each) if one and not _is_other(one, path)]
    if len(meant) == 1:
        for inner in meant[0][0]:
            yield from _told(inner)
    elif meant and (_is_object(fault.value) or _is_list(fault.value)):
        nearest = sorted(meant, key=lambda one: _distance(one[0]))[:MAX_ALTERNATIVES]
        told = (_told_alternative(faults[0], words) for faults, words in nearest)
        yield _error(path, f"is nothing that is allowed. {'. '.join(told)}")
    else:
        yield _error(path, f"is {_shown(fault.value)}; it must be {rule['says']}")


def _told_alternative(fault: _Fault, words: str) -> str:
    first = next(_told(fault))
    return f"To be {words}: {first.pointer} {first.message}"


def _told_tagged(fault: _Fault, tagged: dict[str, Any]) -> Iterator[FieldError]:
    """Where a member says which of several objects is meant."""
    path, value, name, tags = fault.path, fault.value, tagged["name"], tagged["says"]
    if not _is_object(value):
        yield _error(path, f"is {_shown(value)}; it must be an object whose {name} is {tags}")
    elif name not in value:
        yield _error((*path, name), f"is required; it must be {tags}")
    elif (number := tagged["choices"].get(_tag(value[name]))) is None:
        yield _error((*path, name), f"is {_shown(value[name])}; it must be {tags}")
    else:
        chosen: int = number
        for inner in fault.inner[chosen]:
            yield from _told(inner)


def _is_other(faults: list[_Fault], path: tuple[str | int, ...]) -> bool:
    return any(fault.path == path and fault.kind in _OTHER for fault in faults)


def _distance(faults: list[_Fault]) -> tuple[bool, int]:
    return any(fault.kind in ("constant", "enum") for fault in faults), len(faults)


def _tag(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def _error(path: tuple[str | int, ...], message: str) -> FieldError:
    cut = message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]} …"
    return FieldError("/payload" + "".join(f"/{_escaped(part)}" for part in path), cut)


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _either(words: list[str]) -> str:
    *first, last = dict.fromkeys(words)
    return f"{', '.join(first)} or {last}" if first else last


def _shown(value: Any) -> str:
    """A value as a message repeats it: JSON, cut short; of lists and objects only what they are."""
    if _is_object(value):
        return "an object"
    if _is_list(value):
        return "a list"
    if isinstance(value, str):
        text = json.dumps(value[: SHOWN + 1], ensure_ascii=False)
        text = _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LONG:
        return "a whole number of more than 60 digits"
    return json.dumps(value)
