"""The sizes that docs/reference/images.md says of the images."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tests.images.belonging import ROOT

PAGE = ROOT / "docs" / "reference" / "images.md"
_ROW = re.compile(r"^\| `corral-([\w-]+)` \|.*\| (\d+) MB \| (\d+) MB \|$", re.MULTILINE)
_BASE = re.compile(r"on a base of (\d+) MB")


class Size(NamedTuple):
    """Megabytes of an unpacked image, and of what it adds to its base."""

    all: int
    corral: int


def sizes_of_the_page() -> Mapping[str, Size]:
    """By image."""
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {image: Size(int(all_), int(corral)) for image, all_, corral in rows}


def base_of_the_page() -> int:
    """Megabytes of the image that all are built from."""
    found = _BASE.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1])
