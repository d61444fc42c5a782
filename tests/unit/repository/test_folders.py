"""A folder's listing can be taken in at a glance, and where-the-code-is.md lists the folders as they are."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/explanation/where-the-code-is.md"
GROUPED = {
    "corral": ROOT / "services/shared/corral",
    "corral/actions": ROOT / "services/shared/corral/actions",
    "corral/catalog": ROOT / "services/shared/corral/catalog",
    "corral/cli": ROOT / "services/shared/corral/cli",
    "corral/maintenance": ROOT / "services/shared/corral/maintenance",
    "corral/store": ROOT / "services/shared/corral/store",
    "corral_jobs/report": ROOT / "services/jobs/corral_jobs/report",
    "corral_local": ROOT / "services/local/corral_local",
    "corral_operator": ROOT / "services/operator/corral_operator",
    "corral_publisher": ROOT / "services/publisher/corral_publisher",
    "corral_worker": ROOT / "services/worker/corral_worker",
}
MOST = 20
"""Entries of one folder, its `__init__.py` included."""
MORE = {
    "bench/autoscale": (25, "one simulator: a scaler, a load or a figure each"),
    "services/publisher/corral_publisher/pages": (25, "a page each, named as in its address"),
    "services/publisher/corral_publisher/routes": (28, "a resource of the API each, named as in its address"),
    "services/shared/corral": (
        44,
        "subjects are folders; what most of them use, or pages name, is beside them",
    ),
    "services/shared/corral/codegen": (25, "a language, a rule or a part of what is generated each"),
    "services/shared/corral/dispatch": (25, "a kind of key in Redis each"),
    "services/shared/corral/job": (25, "a value or an option of a job each; pure"),
    "services/shared/corral/scaling": (25, "a term of one law each, from signal to decision; pure"),
    "services/testing/corral_testing/conformance": (25, "what a store answers for, a subject each"),
    "services/testing/corral_testing/fake": (25, "what the store has a class for, in memory"),
    "tests/unit": (
        30,
        "a folder for each package, named as it is; beside them what is tested of the repository",
    ),
}
"""Folders with more entries: how many at most, and why their listing is clear all the same."""


def holds_modules(folder: Path) -> bool:
    """Whether it is a folder of code; those of tests need no `__init__.py`."""
    return folder.is_dir() and folder.name[0] not in "._" and any(folder.rglob("*.py"))


def entries(folder: Path) -> list[str]:
    return sorted(
        one.name for one in folder.iterdir() if one.suffix in {".py", ".typed"} or holds_modules(one)
    )


def too_full(places: list[Path], root: Path = ROOT) -> dict[str, list[str]]:
    """The folders with more entries than they may have."""
    found = {str(one.relative_to(root)): entries(one) for one in places}
    return {where: names for where, names in found.items() if len(names) > MORE.get(where, (MOST, ""))[0]}


def packages(folder: Path) -> list[Path]:
    """The folder itself and the packages below it; numbered revisions are no modules to look for."""
    return [folder, *(one.parent for one in sorted(folder.glob("*/__init__.py")))]


def described(page: str, heading: str) -> dict[str, str]:
    """What the page says of each folder of one package."""
    _, _, section = page.partition(f"\n## `{heading}`")
    return dict(re.findall(r"^\| `([\w]+)/` \| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE))


def test_no_folder_has_more_than_20_entries_without_a_reason():
    inits = [*(ROOT / "services").rglob("__init__.py"), *(ROOT / "bench").glob("[a-z]*/__init__.py")]
    places = sorted([ROOT / "bench", *(one.parent for one in inits)])
    assert len(places) > 80, "the folders were found"
    # Numbered revisions of the schema are no modules to look for.
    assert too_full([one for one in places if one.name != "versions"]) == {}


def test_no_folder_of_tests_has_more_either():
    places = [one for one in [ROOT / "tests", *sorted((ROOT / "tests").rglob("*"))] if holds_modules(one)]
    assert len(places) > 80, "the folders were found"
    assert too_full(places) == {}


def test_a_folder_that_is_too_full_is_noticed(tmp_path: Path):
    folder = tmp_path / "tests"
    (folder / "subject").mkdir(parents=True)
    (folder / "subject" / "test_one.py").touch()
    for number in range(MOST - 1):
        (folder / f"test_{number}.py").touch()
    assert too_full([folder], tmp_path) == {}
    (folder / "test_last.py").touch()
    assert list(too_full([folder], tmp_path)) == ["tests"]


def test_every_reason_is_needed():
    assert [where for where in MORE if len(entries(ROOT / where)) <= MOST] == []


@pytest.mark.parametrize("name", GROUPED)
def test_the_page_says_of_each_folder_what_its_docstring_says(name: str):
    said = {
        one.name: (ast.get_docstring(ast.parse((one / "__init__.py").read_text())) or "").splitlines()[0]
        for one in packages(GROUPED[name])[1:]
    }
    assert described(PAGE.read_text(), name) == said


def test_a_folder_that_is_missing_is_noticed():
    assert described("\n## `one`\n| `limits/` | Limits. |\n\n## `two`\n| `jobs/` | Jobs. |", "one") == {
        "limits": "Limits."
    }
