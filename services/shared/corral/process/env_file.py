r"""The env file: variables that count where the environment says nothing of them.

`${NAME}` stands for the value of that variable, from the environment or else from the file, as Docker Compose and
dotenv have it: `${NAME:-otherwise}` where it is unset or empty, `${NAME-otherwise}` where it is unset,
`${NAME:?message}` where it must be set, `${NAME:+instead}` where it is set. What stands in single quotes is taken as
it is, and so is `$${…}` or `\${…}`, without its first character. A `$` without braces is a `$`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

from corral.errors import SettingsError

PREFIX: Final = "CORRAL_"
_REFERENCE = re.compile(r"(?P<escaped>[$\\])?\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<how>:?[-?+])?)?")
_SINGLE_QUOTED = re.compile(r"[^=]*=\s*'")


@dataclass(frozen=True, slots=True)
class _WrittenValue:
    """A value as it was written."""

    text: str
    literal: bool


def is_file(path: Path) -> bool:
    """Whether there is a file of this name; also where the name is too long to be one, or may not be looked at."""
    try:
        return path.is_file()
    except OSError:
        return False


def read_env_file(path: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The variables of the file; those of others that can't be replaced stay as they are written.

    Raises:
        SettingsError: the file can't be read, a line of ours is none, or one of ours names a variable that nobody
            set, or itself in a circle.
    """
    written = _written(path)
    values = {}
    for name, value in written.items():
        try:
            values[name] = _Replacing(str(path), written, env).value_of(name, ())
        except SettingsError:
            if name.startswith(PREFIX):
                raise
            values[name] = value.text
    return values


def _written(path: Path) -> dict[str, _WrittenValue]:
    """Raises: SettingsError."""
    found: dict[str, _WrittenValue] = {}
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for binding in parse_stream(stream):
                written = binding.original.string
                ahead = written[: len(written) - len(written.lstrip())].count("\n")
                line = f"{path}, line {binding.original.line + ahead}"
                if binding.error and PREFIX in written:
                    raise SettingsError(f"{line}: this is no NAME=value")
                if binding.key is not None:
                    quoted = _SINGLE_QUOTED.match(written.lstrip()) is not None
                    found[binding.key] = _WrittenValue(binding.value or "", quoted)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: it is not written in UTF-8 (byte {error.start})") from error
    except OSError as error:
        raise SettingsError(f"{path}: it can't be read: {error.strerror}") from error
    return found


@dataclass(frozen=True, slots=True)
class _Replacing:
    """Replaces references in the values of one file."""

    source: str
    written: Mapping[str, _WrittenValue]
    env: Mapping[str, str]

    def value_of(self, name: str, within: tuple[str, ...]) -> str:
        """The value of a variable of the file; `within` are those whose value asks for it.

        Raises:
            SettingsError: it asks for itself, or for what nobody set.
        """
        if name in within:
            circle = " → ".join((*within[within.index(name) :], name))
            raise SettingsError(f"{within[0]}: in {self.source} its value leads in a circle: {circle}")
        value = self.written[name]
        return value.text if value.literal else self._replaced(value.text, (*within, name))

    def _replaced(self, text: str, within: tuple[str, ...]) -> str:
        return "".join(self._pieces(text, within))

    def _pieces(self, text: str, within: tuple[str, ...]) -> Iterator[str]:
        at = 0
        while (found := _REFERENCE.search(text, at)) is not None:
            end = _end(text, found.end())
            if end is None:
                yield text[at : found.end()]  # no reference: text that looks like the beginning of one
                at = found.end()
                continue
            yield text[at : found.start()]
            if found["escaped"]:
                yield text[found.start() + 1 : end + 1]
            elif not found["name"] or (end > found.end() and not found["how"]):
                raise SettingsError(
                    f"{within[0]}: in {self.source} its value holds ${{…}} without the name of a variable between the "
                    "braces; where that is meant as it stands, write $$ for the $"
                )
            else:
                yield self._of(found["name"], found["how"] or "", text[found.end() : end], within)
            at = end + 1
        yield text[at:]

    def _of(self, name: str, how: str, other: str, within: tuple[str, ...]) -> str:
        value = self._looked_up(name, within)
        if value == "" and ":" in how:
            value = None
        match how[-1:]:
            case "+":
                return "" if value is None else self._replaced(other, within)
            case "-" if value is None:
                return self._replaced(other, within)
        if value is not None:
            return value
        why = self._replaced(other, within) or f"{name} is set neither there nor in the environment"
        raise SettingsError(f"{within[0]}: in {self.source} its value names ${{{name}}}: {why}")

    def _looked_up(self, name: str, within: tuple[str, ...]) -> str | None:
        if name in self.env:
            return self.env[name]
        return self.value_of(name, within) if name in self.written else None


def _end(text: str, start: int) -> int | None:
    """Where the brace closes that was opened before `start`; braces inside count."""
    depth = 1
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return None
