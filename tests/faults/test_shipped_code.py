"""What is shipped holds no switch: faults and guards are set from outside, by tests/faults/rig.py alone."""

import ast
import re
from pathlib import Path

from tests.faults import rig
from tests.fixtures.programs import ROOT

from corral.settings import Settings

SWITCHES = re.compile(
    r"fail_?point|\bRIG\b|\brigged\b|FAULTS_|tests\.faults|unittest|inject_fault|chaos", re.IGNORECASE
)


def shipped() -> list[Path]:
    return [
        path
        for path in (ROOT / "services").rglob("*")
        if path.suffix in {".py", ".lua", ".sql", ".toml", ".html"}
    ]


def test_no_shipped_file_knows_of_faults():
    files = shipped()
    assert len(files) > 100
    found = [f"{path}: {hit.group()}" for path in files if (hit := SWITCHES.search(path.read_text()))]
    assert not found


def test_no_setting_switches_a_guard_off():
    names = {
        name for name, value in vars(rig).items() if callable(value) and value.__module__ == rig.__name__
    }
    assert len(names) > 15
    settings = set(Settings.__pydantic_fields__)  # type: ignore[attr-defined]
    assert not names & settings
    assert not [name for name in settings if SWITCHES.search(name) or name.startswith("no_")]


def test_shipped_code_reads_the_environment_in_few_places_only():
    """A switch would have to be read from somewhere."""
    readers = set()
    for path in shipped():
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}:
                    readers.add(str(path.relative_to(ROOT / "services")))
    allowed = re.compile(
        r"shared/corral/(settings|cli|client|http_client/(http_calls|publisher_address)\.py|provider/secret_reference\.py|process/(exposition|startup|env_file)\.py|store/postgres/connection\.py|tracing/(activation|provider)\.py)"
        r"|publisher/corral_publisher/(__main__|processes/server)\.py"
        r"|operator/corral_operator/(settings|cluster/api)\.py"
        r"|local/corral_local/"
    )
    assert not [reader for reader in readers if not allowed.match(reader)], readers
