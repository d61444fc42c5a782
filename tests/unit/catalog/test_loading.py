"""Importing the team's modules: whatever they do, whoever imports them is told which one, and where."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from corral.catalog import Catalog
from corral.errors import DeclarationError

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a module and answer its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def written(code: str) -> str:
        name = f"loaded_{tmp_path.name}".replace("-", "_").replace("[", "_").replace("]", "_")
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return written


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("os._exit(0)", "SystemExit: os._exit(0)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("{}['id']", "KeyError: 'id'"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("class Odd(BaseException):\n    def __str__(self): raise SystemExit(3)\nraise Odd", "Odd"),
    ],
)
def test_what_a_module_raises_at_import_is_told_with_its_line(write: Write, line: str, named: str):
    name = write(f"import os\n{line}\n")
    with pytest.raises(DeclarationError) as refused:
        Catalog.load([name])
    assert str(refused.value).startswith(f"module {name} can't be imported: {named}")
    assert f"{name}.py:{2 + line.count(chr(10))}, in <module>" in str(refused.value)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_of_a_module_ends_as_it_wants_to(write: Write):
    name = write(
        "import os\nchild = os.fork()\nif not child: os._exit(7)\ncode = os.waitpid(child, 0)[1] >> 8\n"
    )
    before = os._exit
    Catalog.load([name])
    assert (sys.modules[name].code, os._exit) == (7, before)


def test_a_syntax_error_is_told_with_its_line(write: Write):
    name = write("import os\ndef broken(:\n")
    with pytest.raises(DeclarationError, match=rf"module {name} can't be imported: SyntaxError.*line 2"):
        Catalog.load([name])


def test_values_that_raise_when_asked_what_they_are_are_left_alone(write: Write):
    name = write(
        "from corral.catalog import job_type\n"
        "class Proxy:\n"
        "    @property\n"
        "    def __class__(self): raise RuntimeError('outside of a request')\n"
        "proxy = Proxy()\n"
        "found = job_type('loaded.found')\n"
        "def __getattr__(name): raise RuntimeError('no such name')\n"
    )
    assert list(Catalog.load([name]).types) == ["loaded.found"]


def test_a_module_that_put_something_else_in_its_place_is_read_all_the_same(write: Write):
    name = write(
        "import sys\n"
        "from corral.catalog import job_type\n"
        "class Other:\n"
        "    __slots__ = ('found',)\n"
        "sys.modules[__name__] = other = Other()\n"
        "other.found = job_type('loaded.elsewhere')\n"
    )
    assert list(Catalog.load([name]).types) == ["loaded.elsewhere"]


def test_a_model_whose_schema_cannot_be_made_is_told_with_its_type(write: Write):
    name = write(
        "from pydantic import BaseModel\n"
        "from corral.catalog import job_type\n"
        "class Model(BaseModel):\n"
        "    @classmethod\n"
        "    def __get_pydantic_json_schema__(cls, schema, handler): raise SystemExit(5)\n"
        "found = job_type('loaded.schema', payload=Model)\n"
    )
    catalog = Catalog.load([name])
    with pytest.raises(DeclarationError, match=r"job type loaded\.schema: .*SystemExit: 5 \(.*py:5, in"):
        catalog.records()


@pytest.mark.parametrize("executor", ["async", "thread"])
def test_an_async_generator_is_no_handler(write: Write, executor: str):
    name = write(
        "from corral.catalog import job_type\n"
        f"found = job_type('loaded.generator', executor='{executor}')\n"
        "@found.handler\n"
        "async def generate(payload):\n"
        "    yield 1\n"
    )
    with pytest.raises(DeclarationError, match=r"loaded\.generator: handler generate is a generator"):
        Catalog.load([name])
