"""The bucket of object storage that artifacts are kept in, as the settings describe it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Addressing = Literal["path", "virtual"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket behind the S3 protocol, and how to sign in there."""

    name: str
    prefix: str = ""
    """What every key begins with, without a slash at its end; empty: nothing."""
    endpoint: str | None = None
    """The server's address; None: AWS, by the region."""
    region: str = "us-east-1"
    access_key: str | None = None
    """None: credentials are found as AWS's own tools find them."""
    secret_key: str | None = field(default=None, repr=False)
    addressing: Addressing = "path"
    """Where requests name the bucket: in their path, or before the host."""
    ca_file: Path | None = None
    """Authorities in PEM that are trusted beside those of the system."""

    @property
    def where(self) -> str:
        """For messages: the bucket and its server."""
        return f"bucket {self.name} at {self.endpoint or f'AWS in {self.region}'}"
