"""Settings that a process loads at its start: from the environment and the file `.env`, checked as a whole."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from corral.errors import SettingsError
from corral.settings import sources
from corral.settings.address_parts import with_password
from corral.settings.redis_address import FORM, without_password


class Loadable:
    """A class of settings that can be loaded; the classes below it declare them as fields."""

    program: ClassVar[str] = "corral"
    """The name before each line about a mistake."""

    def _complete(self, name: str, password: str | None) -> None:
        """Put the password into the address of that name, where it holds none. From here on the address alone counts."""
        if (url := getattr(self, name)) is not None:
            object.__setattr__(self, name, with_password(url, password))  # frozen for everybody else

    def _complete_redis(self, url: str, password: str | None) -> None:
        """The same for the address of Redis, which holds a password then where it names a user.

        Raises:
            ValueError: it does not.
        """
        self._complete("redis_url", password)
        if not password and without_password(url):
            raise ValueError(
                "CORRAL_REDIS_URL: it names a user and no password. A password alone stands behind a colon, as in "
                f"{FORM}; for a user without one write redis://user:@host"
            )

    @classmethod
    def load(
        cls,
        env: Mapping[str, str] | None = None,
        env_file: str | Path | None = None,
        given: Mapping[str, str] | None = None,
        otherwise: Mapping[str, str] | None = None,
    ) -> Self:
        """Read, check and return the settings; warn on stderr about names of other systems.

        Args:
            env: the environment; None is the process's own.
            env_file: the file of further variables; None is CORRAL_ENV_FILE, or `.env` where there is one.
            given: what a command line said, by environment name; it goes before everything.
            otherwise: what counts before the defaults, and after everything else.

        Raises:
            SettingsError: unknown names or bad values, one line for each.
        """
        return cls.reading(env, env_file, given, otherwise).settings

    @classmethod
    def reading(
        cls,
        env: Mapping[str, str] | None = None,
        env_file: str | Path | None = None,
        given: Mapping[str, str] | None = None,
        otherwise: Mapping[str, str] | None = None,
    ) -> sources.SourcedSettings[Self]:
        """The same as `load`, with the source of each setting."""
        return sources.read(cls, os.environ if env is None else env, env_file, given or {}, otherwise or {})

    @classmethod
    def load_or_exit(cls) -> Self:
        """The same as `load`; a mistake ends the process with exit code 2 and its message on stderr."""
        try:
            return cls.load()
        except SettingsError as error:
            for line in str(error).splitlines():
                sys.stderr.write(f"{cls.program}: {line}\n")
            raise SystemExit(2) from error
