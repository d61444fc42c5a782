"""Values and comments as source text of Python and of TypeScript, laid out the same way every time."""

import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

WIDTH: Final = 100
"""Columns of generated code."""


def python_string(text: str) -> str:
    """A text between quotes: double ones, unless it has such and no single ones."""
    if '"' in text and "'" not in text and "\\" not in text and _plain(text):
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f") if _plain(text) else _escaped(text)


def _plain(text: str) -> bool:
    return text.isprintable()


def _escaped(text: str) -> str:
    """With escapes for what can't be seen; JSON's are Python's, too, but for what lies beyond 16 bits."""
    return "".join(
        [
            "\\\\" if sign == "\\" else '\\"' if sign == '"' else sign if sign.isprintable() else _code(sign)
            for sign in text
        ]
    ).join('""')


def _code(sign: str) -> str:
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    number = ord(sign)
    return named.get(sign) or (
        f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
    )


def python_value(value: Any, indent: int = 0, used: int = 0) -> str:
    """JSON as Python; on several lines where it is wider than the page. `used` are columns before it."""
    return _laid_out(value, indent, used, _PYTHON)


def typescript_value(value: Any, indent: int = 0, used: int = 0) -> str:
    """The same as TypeScript."""
    return _laid_out(value, indent, used, _TYPESCRIPT)


def docstring(text: str, indent: int = 4) -> str:
    """A text inside of three double quotes, its lines indented and no wider than the page."""
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if escaped.endswith('"'):
        escaped = escaped[:-1] + '\\"'
    lines = _wrapped(escaped, WIDTH - indent - 6)
    joined = f"\n{' ' * indent}".join(lines).replace(f"\n{' ' * indent}\n", "\n\n")
    return joined if len(lines) == 1 else f"{joined}\n{' ' * indent}"


def block_comment(text: str, indent: int = 0) -> str:
    """A text as JSDoc."""
    lines = _wrapped(text.replace("*/", "*\\/"), WIDTH - indent - 8)
    space = " " * indent
    if len(lines) == 1:
        return f"{space}/** {lines[0]} */"
    return "\n".join([f"{space}/**", *(f"{space} * {line}".rstrip() for line in lines), f"{space} */"])


def comment_lines(text: str) -> list[str]:
    """A text as lines for comments."""
    return _wrapped(text, WIDTH - 12)


def _wrapped(text: str, width: int) -> list[str]:
    visible = "".join(sign if sign == "\n" or sign.isprintable() else " " for sign in text).strip()
    lines: list[str] = []
    for line in visible.splitlines():
        lines += textwrap.wrap(line.strip(), width, break_long_words=False, break_on_hyphens=False) or (
            [""] if lines and lines[-1] else []
        )
    return lines or [""]


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a language writes values."""

    scalar: Callable[[Any], str]
    key: Callable[[str], str]
    step: int
    """Columns of one level."""
    tuples: bool
    """Whether it has tuples."""
    padding: str
    """Between the braces of an object and what is in them."""


def _laid_out(value: Any, indent: int, used: int, dialect: _Dialect) -> str:
    if not value or not isinstance(value, Mapping | list | tuple):
        if isinstance(value, Mapping):
            return "{}"
        if isinstance(value, list | tuple):
            return "()" if dialect.tuples and isinstance(value, tuple) else "[]"
        return dialect.scalar(value)
    if isinstance(value, Mapping):
        items = [(f"{dialect.key(name)}: ", item) for name, item in value.items()]
        start, end, padding = "{", "}", dialect.padding
    else:
        items = [("", item) for item in value]
        start, end, padding = "[", "]", ""
        if dialect.tuples and isinstance(value, tuple):
            start, end = "(", ",)" if len(value) == 1 else ")"
    flat = [name + _laid_out(item, 0, -(10**9), dialect) for name, item in items]
    line = f"{start}{padding}{', '.join(flat)}{padding}{end}"
    if indent + used + len(line) + 1 <= WIDTH:
        return line
    inner = " " * (indent + dialect.step)
    rows = [f"{inner}{name}{_laid_out(item, len(inner), len(name), dialect)}," for name, item in items]
    return "\n".join([start, *rows, " " * indent + end.removeprefix(",")])


def _python_scalar(value: Any) -> str:
    match value:
        case str():
            return python_string(value)
        case _:
            return repr(value)


def _typescript_scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _typescript_key(name: str) -> str:
    if name == "__proto__":  # otherwise it would name what the object inherits from
        return '["__proto__"]'
    return name if name.isidentifier() and name.isascii() else json.dumps(name, ensure_ascii=False)


_PYTHON: Final = _Dialect(_python_scalar, python_string, step=4, tuples=True, padding="")
_TYPESCRIPT: Final = _Dialect(_typescript_scalar, _typescript_key, step=2, tuples=False, padding=" ")
