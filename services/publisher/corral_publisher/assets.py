"""Static files: Corral's own, and vendored ones whose checksums a test compares."""

import hashlib
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"


@lru_cache(maxsize=64)
def url(name: str) -> str:
    """The address of a static file. It contains a hash of the content, so browsers may cache the file for ever."""
    digest = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"
