"""Names that any language takes: of job types, models and queues."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable

_SPLIT = re.compile(r"[^\w]+|_+")


def words(text: str) -> list[str]:
    """The words of a name: `mail.welcome-now` has three."""
    return [word for word in _SPLIT.split(unicodedata.normalize("NFKC", text)) if word]


def pascal(text: str) -> str:
    """`mail.welcome` as `MailWelcome`; letters of any script stay."""
    joined = "".join(word[:1].upper() + word[1:] for word in words(text))
    return _identifier(joined, text)


def snake(text: str) -> str:
    """`mail.welcome` as `mail_welcome`."""
    return _identifier("_".join(words(text)).lower(), text)


def camel(text: str) -> str:
    """`mail.welcome` as `mailWelcome`."""
    name = pascal(text)
    return name[:1].lower() + name[1:]


def constant(text: str) -> str:
    """`mail-slow` as `MAIL_SLOW`."""
    return snake(text).upper()


def apart(names: Iterable[str], spell: Callable[[str], str], taken: frozenset[str]) -> dict[str, str]:
    """Spellings of names, made by `spell`, that differ from one another and from what is taken.

    One that would not differ gets the beginning of a hash of its own name, so that it stays what it is whatever else
    there is; only the first in order goes without.
    """
    used = set(taken)
    made: dict[str, str] = {}
    for name in sorted(names):
        spelling = spell(name)
        if spelling in used:
            spelling = f"{spelling}_{hashlib.sha256(name.encode()).hexdigest()[:4]}"
        used.add(spelling)
        made[name] = spelling
    return made


def _identifier(name: str, text: str) -> str:
    if name.isidentifier():
        return name
    kept = "".join(sign for sign in name if f"a{sign}".isidentifier())
    if kept.isidentifier():
        return kept
    return f"n{kept}" if kept else f"n{hashlib.sha256(text.encode()).hexdigest()[:6]}"
