"""Where a setting comes from: the command line, the environment, the env file, or its default."""

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from corral.errors import SettingsError
from corral.process.env_file import PREFIX, is_file, read_env_file
from corral.settings.address_parts import MASK
from corral.settings.masking import masked_address
from corral.settings.old_names import HONOURED, replacement
from corral.settings.ranges import declared

__all__ = [
    "CLIENT",
    "ENV_FILE",
    "OTHERWISE",
    "PREFIX",
    "Setting",
    "SourcedSettings",
    "masked",
    "names",
    "read",
    "written",
]

CLIENT = {
    "CORRAL_DATA": "The folder of the local system: `corral up` keeps all data there, and the other commands find it "
    "through what it wrote there.",
    "CORRAL_URL": "The address of the publisher that the command line talks to.",
    "CORRAL_KEY": "The key with which the command line signs in.",
    "CORRAL_BOOTSTRAP_KEY": "The key that `corral keys adopt` lets in; without it the command reads standard input.",
}
"""Read by the command line, not by the services."""
ENV_FILE = "CORRAL_ENV_FILE"
OTHERWISE = "this system"
"""The source of what a local system knows of itself, where nobody said otherwise."""
_SERVICE_LINK = re.compile(
    r"CORRAL_(\w+_)?(SERVICE_HOST=.*|SERVICE_PORT(_\w+)?=\d+|PORT(_\d+_(TCP|UDP))?=(tcp|udp)://.*"
    r"|PORT_\d+_(TCP|UDP)_(PROTO|PORT|ADDR)=.*)"
)
"""Variables that Kubernetes makes for each Service. Source: Kubernetes, accessing Services, environment variables."""

_SECRET_NAME = re.compile("KE+Y|PASS|PW|SECRET|TOKEN|CRED|AUTH")
"""Names whose value is never shown, known or misspelt."""
_ADDRESS_NAME = re.compile("UR[IL]|DSN|ADDRESS|CONN|DATABAS|REDIS")
"""Names whose value is an address, whatever it looks like."""
_PASSWORD_INSIDE = re.compile("@|password|(pass|passwd|pwd|auth|secret|token|key)=", re.IGNORECASE)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective setting and where it comes from."""

    name: str
    value: str
    """As shown: secrets are masked."""
    source: str


@dataclass(frozen=True, slots=True)
class SourcedSettings(Generic[T]):
    """The settings, and for each one where its value comes from."""

    settings: T
    effective: tuple[Setting, ...]


def names(model: type) -> list[str]:
    """The environment names of the model's settings, in the model's order."""
    return [PREFIX + field.name.upper() for field in fields(model)]


def read(
    model: type[T],
    env: Mapping[str, str],
    env_file: str | Path | None,
    given: Mapping[str, str],
    otherwise: Mapping[str, str],
) -> SourcedSettings[T]:
    """Settings from all sources, each with its source.

    Raises:
        SettingsError: unknown names or bad values, one line for each.
    """
    path, from_file = _env_file(env, env_file)
    layers = [("command line", given), ("environment", env), (str(path), from_file), (OTHERWISE, otherwise)]
    known = names(model)
    problems: list[str] = []
    found: dict[str, tuple[str, str]] = {}
    for source, variables in layers:
        for name, value in variables.items():
            if not name.startswith(PREFIX) or _SERVICE_LINK.fullmatch(f"{name}={value}"):
                continue
            if name in known:
                found.setdefault(name, (value, source))
            elif name not in {*CLIENT, ENV_FILE}:
                problems.append(_unknown(name, value, source, known))
    _old_names(layers, found)
    given_values = {name.removeprefix(PREFIX).lower(): value for name, (value, _) in found.items()}
    try:
        settings = model(**given_values)
    except ValidationError as error:
        problems += [_problem(model, found, dict(layers[1][1]) | from_file, line) for line in error.errors()]
    else:
        if not problems:
            return SourcedSettings(settings, tuple(_effective(settings, found)))
    raise SettingsError("\n".join(problems))


def _env_file(env: Mapping[str, str], chosen: str | Path | None) -> tuple[Path, dict[str, str]]:
    named = chosen or env.get(ENV_FILE)
    path = Path(named or ".env")
    if not is_file(path):
        if named:
            raise SettingsError(f"{ENV_FILE}: there is no file {str(path)!r}")
        return path, {}
    return path, read_env_file(path, env)


def _unknown(name: str, value: str, source: str, known: list[str]) -> str:
    bare = [one.removeprefix(PREFIX) for one in known]
    near = difflib.get_close_matches(name.removeprefix(PREFIX), bare, n=1, cutoff=0.6)
    hint = f"; did you mean {PREFIX}{near[0]}?" if near else "; `corral config` lists the settings"
    shown = masked(f"{name} {near[0] if near else ''}", value)
    return f"{name}: unknown setting (value {shown!r}, from {source}){hint}"


def _old_names(layers: list[tuple[str, Mapping[str, str]]], found: dict[str, tuple[str, str]]) -> None:
    """Honour the old names that keep their meaning; answer the others with ours, each once.

    Names that ours replaces together are answered in one line.
    """
    answers: dict[str, list[str]] = {}
    seen: set[str] = set()
    for source, variables in layers:
        for name, value in variables.items():
            ours = replacement(name)
            if ours is None or name in seen:
                continue
            seen.add(name)
            if name in HONOURED:
                found.setdefault(HONOURED[name], (value, f"{name} in {source}"))
            elif not any(_said(found, word) for word in re.findall(r"CORRAL_[A-Z_]+", ours)):
                answers.setdefault(ours, []).append(f"{name} (from {source})")
    for ours, names in answers.items():
        sys.stderr.write(
            f"corral: {', '.join(names)} {'is' if len(names) == 1 else 'are'} not read; {ours}\n"
        )


def _said(found: Mapping[str, tuple[str, str]], name: str) -> bool:
    return name in found and found[name][1] != OTHERWISE


def _problem(
    model: type, found: Mapping[str, tuple[str, str]], others: Mapping[str, str], error: Mapping[str, Any]
) -> str:
    if not error["loc"]:  # a rule between settings: its message names them
        return str(error["ctx"]["error"] if "ctx" in error else error["msg"])
    field = str(error["loc"][0])
    name = PREFIX + field.upper()
    if name not in found:
        olds = [old for old in others if name in (replacement(old) or "")]
        hint = f" ({olds[0]} is set, but Corral's name for it is {name})" if olds else ""
        return f"{name}: not set{hint}; allowed: {declared(model, field).allowed}"
    value, source = found[name]
    reason = f": {error['ctx']['error']}" if error["type"] == "value_error" else ""
    allowed = declared(model, field).allowed
    return f"{name}: {masked(field, value)!r} (from {source}) is not allowed{reason}; allowed: {allowed}"


def _effective(settings: Any, found: Mapping[str, tuple[str, str]]) -> Iterator[Setting]:
    for field in fields(settings):
        name = PREFIX + field.name.upper()
        value = getattr(settings, field.name)
        yield Setting(name, masked(field.name, written(value)), found.get(name, ("", "default"))[1])


def written(value: object) -> str:
    """The value of a setting as an environment variable holds it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def masked(field: str, value: str) -> str:
    """The value of a setting for people: secrets and passwords within addresses are masked."""
    if not value:
        return ""
    if _SECRET_NAME.search(field.upper()):
        return MASK
    if "://" in value or _ADDRESS_NAME.search(field.upper()) or _PASSWORD_INSIDE.search(value):
        return masked_address(value)
    return value
