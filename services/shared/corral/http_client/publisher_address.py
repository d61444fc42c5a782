"""Where a publisher is, and the key that opens it, for those who talk to one."""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from corral.api_problem import NotConfigured
from corral.process.env_file import read_env_file

MASK = "********"
LOCAL_FOLDER = Path(".corral")
"""Where `corral up` keeps its data, unless it is told another folder."""
DATA = "CORRAL_DATA"
"""The variable that names another one."""
CLIENT_FILE = "client.toml"
"""In that folder: how to reach the system."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a publisher is, and the key that opens it."""

    url: str
    key: str | None
    source: str
    here: bool = False
    """Whether it is known to run on this machine: no proxy leads there."""

    def __post_init__(self) -> None:
        """Raises: NotConfigured where it can't be an address or a key."""
        url = _address(self.url, f"the address (from {self.source})")
        object.__setattr__(self, "url", url)  # frozen for everybody else
        object.__setattr__(self, "key", _key(self.key, f"the key (from {self.source})"))

    def __repr__(self) -> str:
        return f"Connection({self.shown!r}, source={self.source!r})"

    @classmethod
    def find(cls, env: Mapping[str, str] | None = None, folder: Path | None = None) -> Self:
        """From CORRAL_URL and CORRAL_KEY in the environment or `.env`, else from what `corral up` wrote.

        Args:
            env: None is the process's own.
            folder: where `.env` and `.corral` are looked for; None is the working folder. CORRAL_DATA names another
                folder than `.corral`.

        Raises:
            NotConfigured: neither says anything, or what is said can't be an address or a key.
            SettingsError: `.env` can't be read.
        """
        env, folder = os.environ if env is None else env, folder or Path()
        from_file = _env_file(env, folder)
        for source, variables in (("environment", env), (".env", from_file)):
            if url := variables.get("CORRAL_URL"):
                key = env.get("CORRAL_KEY") or from_file.get("CORRAL_KEY")
                return cls(_address(url, f"CORRAL_URL (from {source})"), _key(key, "CORRAL_KEY"), source)
        file = local_folder(env, folder) / CLIENT_FILE
        try:
            written = tomllib.loads(file.read_text(encoding="utf-8"))
            key = env.get("CORRAL_KEY") or written.get("key")
            return cls(written["url"], _key(key, "CORRAL_KEY"), str(file), here=True)
        except (OSError, ValueError, KeyError) as error:
            raise NotConfigured(
                f"no publisher is known: start one with `corral up` here, name its folder in {DATA} where it was "
                "started with another, or set CORRAL_URL and CORRAL_KEY"
            ) from error

    @property
    def shown(self) -> str:
        """The address for logs and messages: what stands before an @ may be a password."""
        account, at, _ = urlsplit(self.url).netloc.rpartition("@")
        return self.url.replace(f"{account}@", f"{MASK}@", 1) if at else self.url

    @property
    def direct(self) -> bool:
        """Whether it is on this machine, which no proxy knows as we do."""
        host = urlsplit(self.url).hostname or ""
        try:
            return self.here or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    @property
    def plain(self) -> bool:
        """Whether nothing on the way to it is encrypted: it is on this machine, behind http, and no proxy is asked."""
        return self.direct and urlsplit(self.url).scheme == "http"


def local_folder(env: Mapping[str, str], folder: Path | None = None) -> Path:
    """The folder of the local system that is meant in `folder`, the working folder unless given.

    Raises:
        SettingsError: `.env` can't be read.
    """
    folder = folder or Path()
    named = env.get(DATA) or _env_file(env, folder).get(DATA)
    return folder / (named or LOCAL_FOLDER)


def _env_file(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    file = folder / ".env"
    return read_env_file(file, env) if file.is_file() else {}


def _address(text: object, what: str) -> str:
    """Raises: NotConfigured where it is none; `what` is the name of it."""
    url = text.strip().strip("\"'").rstrip("/") if isinstance(text, str) else ""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and url.isprintable()
    except ValueError:
        good = False
    if not good or any(one in url for one in " ?#"):
        raise NotConfigured(
            f"{what} is no address of a publisher, as http://127.0.0.1:8000 or https://corral.example.com"
        )
    return url


def _key(text: object, what: str) -> str | None:
    """Raises: NotConfigured where no header can carry it; `what` is the name of it."""
    key = "" if text is None else text
    if not isinstance(key, str) or not (key.strip().isascii() and key.strip().isprintable()):
        raise NotConfigured(f"{what} is no key: keys are letters, digits and signs of ASCII, on one line")
    return key.strip() or None
