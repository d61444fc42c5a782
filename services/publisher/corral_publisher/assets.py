"""Static files: ours, and those of others, vendored and held to their sums."""

import hashlib
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"


@lru_cache(maxsize=64)
def url(name: str) -> str:
    """The address of a static file, with its content in it: browsers keep it until it changes."""
    digest = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"
