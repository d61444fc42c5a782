"""Where a provider's secret is: the name of an environment variable, or of a file. The secret itself is never stored.

Names are narrow on purpose: whoever may set a provider must not be able to send out other secrets of the worker.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from corral.errors import SecretMissing

SHAPE: Final = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9-]{0,19}) )?"
    r"(?:env:(?P<variable>PROVIDER_[A-Z0-9_]{1,100})|file:(?P<file>[A-Za-z0-9][A-Za-z0-9._-]{0,99}))"
)
HOW: Final = (
    "must name where the secret is: env:PROVIDER_KEY, an environment variable of the workers whose name begins with"
    " PROVIDER_, or file:NAME, a file in CORRAL_SECRETS_DIR; a word may stand before it, as in Bearer env:PROVIDER_KEY."
    " The secret itself is never stored"
)
MAX_FILE_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is, and the word that stands before it where it is sent."""

    scheme: str | None
    variable: str | None
    file: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reference that a text is.

        Raises:
            ValueError: it is none; the message does not repeat the text, which may be a secret.
        """
        found = SHAPE.fullmatch(text)
        if found is None:
            raise ValueError(HOW)
        return cls(found["scheme"], found["variable"], found["file"])

    def read(self, folder: Path, environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
        """The secret, and the text that is sent.

        Raises:
            SecretMissing: it is not there, or holds what no header may; names the reference, never the secret.
        """
        secret = self._secret(folder, environment)
        if not secret or not secret.isascii() or not secret.isprintable():
            raise SecretMissing(self.place, "is empty, or holds characters that a header can't")
        return secret, f"{self.scheme} {secret}" if self.scheme else secret

    @property
    def place(self) -> str:
        """Where it is, in words."""
        if self.variable is not None:
            return f"the environment variable {self.variable}"
        return f"the file {self.file} in CORRAL_SECRETS_DIR"

    def _secret(self, folder: Path, environment: Mapping[str, str]) -> str:
        if self.variable is not None:
            found = environment.get(self.variable)
            if found is None:
                raise SecretMissing(self.place, "is not set for this worker")
            return found.strip()
        assert self.file is not None
        try:
            with (folder / self.file).open("rb") as file:
                return file.read(MAX_FILE_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretMissing(self.place, f"can't be read: {type(error).__name__}") from None
