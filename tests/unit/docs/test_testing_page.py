"""The tests in docs/how-to/test-your-own-handlers.md pass; those that need a whole system are run by tests/up."""

import sys

import pytest
from tests.fixtures.pages import named_files

PAGE = "how-to/test-your-own-handlers.md"


@pytest.mark.parametrize("name", ["test_handler.py", "test_declaration.py", "test_store.py"])
def test_the_examples_pass(name, tmp_path, monkeypatch):
    files = named_files(PAGE)
    (tmp_path / "acme.py").write_text(files["acme.py"])
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("acme", None)
    space: dict[str, object] = {}
    exec(compile(files[name], name, "exec"), space)
    tests = [one for key, one in space.items() if key.startswith("test_") and callable(one)]
    assert tests
    try:
        for test in tests:
            test()
    finally:
        sys.modules.pop("acme", None)


def test_the_page_has_no_other_examples():
    assert set(named_files(PAGE)) == {
        "acme.py",
        "conftest.py",
        "test_declaration.py",
        "test_handler.py",
        "test_store.py",
        "test_system.py",
    }
