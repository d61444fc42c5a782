"""Why a payload is refused: what is wrong, with the value, and what would be allowed there."""

from collections.abc import Iterator, Sequence
from typing import Any

import jsonschema_rs

from corral.catalog.payloads.allowed import Allowed, count_of, either, fields_of, scalar_of
from corral.catalog.payloads.judgement import Schema
from corral.errors import FieldError
from corral.job.shown import shown
from corral.json_pointer import escaped

MAX_MESSAGE = 300
"""Characters; what is allowed may be long."""
MAX_ALTERNATIVES = 3
"""Of several objects that a value may be, those of which is told what it lacks."""
ROOT = "/payload"
Kind = jsonschema_rs.ValidationErrorKind
Error = jsonschema_rs.ValidationError
_COUNTED: dict[type[Kind], tuple[str, str]] = {
    Kind.MinLength: ("characters", "at least"),
    Kind.MaxLength: ("characters", "at most"),
    Kind.MinItems: ("items", "at least"),
    Kind.MaxItems: ("items", "at most"),
    Kind.AdditionalItems: ("items", "at most"),
    Kind.MinProperties: ("members", "at least"),
    Kind.MaxProperties: ("members", "at most"),
}
_OTHER = (Kind.Type, Kind.Enum, Kind.Constant, Kind.Custom)
"""That a value is of another kind altogether."""


class Wording:
    """Words for what is wrong with a value, for one schema."""

    def __init__(self, schema: Schema) -> None:
        self._allowed = Allowed(schema)

    def faults(self, error: Error) -> Iterator[FieldError]:
        """The field errors that one schema error stands for: missing and extra fields are named themselves."""
        path, node = error.instance_path, self._allowed.at(error.schema_path[:-1])
        match error.kind:
            case Kind.Required(property=name):
                yield _fault([*path, name], "is required")
            case Kind.AdditionalProperties(unexpected=names) | Kind.UnevaluatedProperties(unexpected=names):
                for name in names:
                    yield _fault([*path, name], "is not a known field")
            case Kind.AnyOf() | Kind.OneOfNotValid() | Kind.OneOfMultipleValid():
                yield from self._choice(error, node)
            case Kind.PropertyNames(error=inner):
                key = shown(inner.instance)
                for fault in self.faults(inner):
                    yield _fault(path, f"has the key {key}: it {fault.message}".replace(f"it is {key}; ", ""))
            case _:
                yield _fault(path, self._message(error, node))

    def _message(self, error: Error, node: Any) -> str:
        value: Any = error.instance
        for kind, (things, bound) in _COUNTED.items():
            if isinstance(error.kind, kind):
                limit = error.kind.limit  # type: ignore[attr-defined]
                return f"has {_number(len(value), things)}; it must have {bound} {limit:,}"
        match error.kind:
            case Kind.UniqueItems():
                return "holds the same item twice"
            case Kind.MultipleOf(multiple_of=step):
                return f"is {shown(value)}; it must be a multiple of {step}"
            case Kind.FalseSchema() | Kind.Not():
                return "is not allowed"
            case Kind.Contains():
                return "holds no item of the kind that it must hold"
            case _:
                return f"is {shown(value)}; it must be {self._allowed.words(node)}"

    def _choice(self, error: Error, node: Any) -> Iterator[FieldError]:
        """Of several ways to be right: the one that was meant, where that can be told; else all."""
        path, contexts = error.instance_path, error.kind.context  # type: ignore[attr-defined]
        if scalar_of(node) is not None:
            yield _fault(path, f"is {shown(error.instance)}; it must be {self._allowed.words(node)}")
            return
        choices: Sequence[Any] = next((node[key] for key in ("anyOf", "oneOf") if key in node), [])
        if names := fields_of(node):
            yield self._fields(error, names, count_of(node))
            return
        tagged = self._allowed.at(error.schema_path[:-3])
        if isinstance(tagged, dict) and isinstance(tagged.get("discriminator"), dict):
            yield from self._tagged(error, tagged["discriminator"], choices, contexts)
            return
        words = self._allowed.words(node)
        if isinstance(error.kind, Kind.OneOfMultipleValid):
            yield _fault(path, f"fits more than one of what is allowed, and must fit one alone: {words}")
            return
        meant = [
            (one, choice)
            for one, choice in zip(contexts, choices, strict=False)
            if one and not _is_other(one, path)
        ]
        if len(meant) == 1:
            for inner in meant[0][0]:
                yield from self.faults(inner)
        elif meant and isinstance(error.instance, dict | list):
            nearest = sorted(meant, key=lambda one: _distance(one[0]))[:MAX_ALTERNATIVES]
            told = (self._alternative(errors[0], choice) for errors, choice in nearest)
            yield _fault(path, f"is nothing that is allowed. {'. '.join(told)}")
        else:
            yield _fault(path, f"is {shown(error.instance)}; it must be {words}")

    def _alternative(self, error: Error, choice: Any) -> str:
        """Why an object or a list is not one of those that it may be."""
        first = next(self.faults(error))
        return f"To be {self._allowed.words(choice)}: {first.pointer} {first.message}"

    def _fields(self, error: Error, names: Sequence[str], count: str | None) -> FieldError:
        """Where the choice is between fields."""
        if count is not None:
            return _fault(error.instance_path, f"needs {count} one of {', '.join(names)}")
        others = f"; it may also be called {either(names[1:])}" if len(names) > 1 else ""
        return _fault([*error.instance_path, names[0]], f"is required{others}")

    def _tagged(
        self, error: Error, discriminator: dict[str, Any], choices: Sequence[Any], contexts: Sequence[Any]
    ) -> Iterator[FieldError]:
        """The faults where a field of the object tells which of several models is meant."""
        path, instance = error.instance_path, error.instance
        name, mapping = str(discriminator.get("propertyName", "")), discriminator.get("mapping", {})
        tags = either(map(shown, mapping)) if mapping else "known"
        if not isinstance(instance, dict):
            yield _fault(path, f"is {shown(instance)}; it must be an object whose {name} is {tags}")
        elif name not in instance:
            yield _fault([*path, name], f"is required; it must be {tags}")
        elif (chosen := mapping.get(_tag(instance[name]))) is None:
            yield _fault([*path, name], f"is {shown(instance[name])}; it must be {tags}")
        else:
            number = next((i for i, one in enumerate(choices) if one in (chosen, {"$ref": chosen})), 0)
            for inner in contexts[number]:
                yield from self.faults(inner)


def pointer(*path: str | int) -> str:
    """A JSON pointer below `/payload`. Source: RFC 6901, section 3."""
    return "".join((ROOT, *(f"/{escaped(str(part))}" for part in path)))


def _number(count: int, things: str) -> str:
    return f"1 {things.removesuffix('s')}" if count == 1 else f"{count:,} {things}"


def _fault(path: Sequence[str | int], message: str) -> FieldError:
    cut = message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]} …"
    return FieldError(pointer(*path), cut)


def _is_other(errors: Sequence[Error], path: Sequence[str | int]) -> bool:
    """Whether this alternative is for values of another JSON type."""
    return any(
        error.instance_path == path
        and (isinstance(error.kind, _OTHER) or (isinstance(error.kind, Kind.AnyOf) and _is_scalar(error)))
        for error in errors
    )


def _distance(errors: Sequence[Error]) -> tuple[bool, int]:
    """How far a value is from an alternative; a constant that differs counts most."""
    return any(isinstance(error.kind, Kind.Constant | Kind.Enum) for error in errors), len(errors)


def _is_scalar(error: Error) -> bool:
    return len(error.kind.context) == 2 and any(  # type: ignore[attr-defined]
        isinstance(inner.kind, Kind.Custom)
        for inner in error.kind.context[1]  # type: ignore[attr-defined]
    )


def _tag(value: Any) -> str:
    match value:
        case True | False:
            return str(value).lower()
        case None:
            return "null"
        case _:
            return str(value)
