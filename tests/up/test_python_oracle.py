"""The types of Python clients beside those that datamodel-code-generator makes of the same schemas."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from tests.unit.catalog.models import MODELS

from corral.catalog import Catalog, job_type
from corral.catalog.payloads.schema import result_schema_of
from corral.codegen import generate

PYTHON_HAS_MORE = "ours is JSON as the client reads it, the other one what Python has in its place"
JSON_HAS_LISTS = "ours is a list, as JSON is read; the other one a tuple"
JSON_HAS_TEXT_KEYS = "ours has any text as key, the other one those that the schema names"
ONE_OF_FIELDS = (
    "ours is one class, whose fields may be absent; the other one a class for each field that is there"
)
ANYTHING = "ours takes any member, the other one none that it knows"
DIFFERENT = {
    "bytes": PYTHON_HAS_MORE,
    "bytes long": PYTHON_HAS_MORE,
    "timedelta": PYTHON_HAS_MORE,
    "tuple": JSON_HAS_LISTS,
    "dict of words": JSON_HAS_TEXT_KEYS,
    "dict of literals": JSON_HAS_TEXT_KEYS,
    "mapping": ANYTHING,
    "picked": ONE_OF_FIELDS,
    "written": ONE_OF_FIELDS,
}
"""Where the two differ, and why."""
NONE = "None"
"""No result at all: there is no type for it."""

# In a process of its own: it warns of formats that it does not know.
SCRIPT = """
import json, sys
from pathlib import Path
from datamodel_code_generator import DataModelType, InputFileType, PythonVersion, generate
for name, schema in json.loads(Path("schemas.json").read_text()).items():
    generate(json.dumps(schema), input_file_type=InputFileType.JsonSchema, output=Path(f"theirs/{name}.py"),
             output_model_type=DataModelType.TypingTypedDict, target_python_version=PythonVersion.PY_311, class_name="Root",
             use_standard_collections=True, use_union_operator=True, use_closed_typed_dict=False, formatters=[])
"""
PAIR = """def there{n}(one: ours.OracleM{n}Result) -> m{n}.Root: return one
def back{n}(one: m{n}.Root) -> ours.OracleM{n}Result: return one
"""


def schema_of(model: Any) -> dict[str, Any]:
    """Named as the other one's class is."""
    return {**result_schema_of(TypeAdapter(model)), "title": "Root"}


def run(folder: Path, *arguments: str | Path) -> str:
    """What a program of this Python prints."""
    done = subprocess.run(
        [sys.executable, *arguments], check=False, cwd=folder, capture_output=True, text=True, timeout=200
    )
    return done.stdout + done.stderr


def test_both_make_the_same_types_but_where_ours_are_better(tmp_path: Path):
    names = [name for name in MODELS if name != NONE]
    jobs = {f"oracle.m{n}": job_type(f"oracle.m{n}", result=MODELS[name]) for n, name in enumerate(names)}
    generate("python", Catalog(jobs), tmp_path / "ours")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "__init__.py").touch()
    (tmp_path / "schemas.json").write_text(
        json.dumps({f"m{n}": schema_of(MODELS[name]) for n, name in enumerate(names)})
    )
    (tmp_path / "theirs.py").write_text(SCRIPT)
    said = run(tmp_path, "-W", "ignore", "theirs.py")
    assert len(list((tmp_path / "theirs").glob("m*.py"))) == len(names), said
    head = ["from ours import models as ours", *(f"from theirs import m{n}" for n in range(len(names)))]
    pairs = "".join(PAIR.format(n=n) for n in range(len(names)))
    (tmp_path / "check.py").write_text("\n".join(head) + "\n" + pairs)
    said = run(tmp_path, "-m", "mypy", "--no-error-summary", "--cache-dir", tmp_path / "cache", "check.py")
    lines = [int(line) for line in re.findall(r"^check\.py:(\d+): error", said, re.MULTILINE)]
    assert len(lines) == said.count(": error"), said
    assert {names[(line - len(head) - 1) // 2] for line in lines} == set(DIFFERENT), said
