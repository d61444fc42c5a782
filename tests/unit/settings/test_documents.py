"""What the documents say of settings and metrics is what the code has."""

import dataclasses
import re
from pathlib import Path

from dotenv import dotenv_values

from corral.cli.reference import cli_page, metrics_page, settings_page
from corral.cli.system.config import env_template
from corral.settings import Settings, names

ROOT = Path(__file__).parents[3]


def test_env_example_is_what_the_settings_say():
    assert (ROOT / ".env.example").read_text() == env_template()


def test_the_settings_page_is_what_the_settings_say():
    assert (ROOT / "docs/reference/settings.md").read_text() == settings_page()


def test_every_setting_is_in_both_documents_with_a_meaning():
    template, page = env_template(), settings_page()
    for name in (*names(Settings), "CORRAL_URL", "CORRAL_KEY"):
        assert re.search(rf"^# .{{10,}}\n(# Allowed: .+\n)?#{name}=", template, re.MULTILINE), name
        assert f"| `{name}` |" in page, name


def test_the_defaults_of_env_example_are_the_defaults(tmp_path, monkeypatch):
    """Uncommented, the file gives the settings that an empty one gives, where nothing must be set."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "all.env"
    lines = [
        line.removeprefix("#") for line in env_template().splitlines() if re.match(r"#CORRAL_\w+=.", line)
    ]
    file.write_text("\n".join(line for line in lines if not line.startswith("CORRAL_ENV_FILE")))
    servers = {
        name: value or ""
        for name, value in dotenv_values(file).items()
        if name.endswith(("SE_URL", "IS_URL"))
    }
    given = Settings.load({}, env_file=file)
    assert dataclasses.asdict(given) == dataclasses.asdict(Settings.load(servers))


def test_the_metrics_page_is_what_the_code_counts():
    page = (ROOT / "docs/reference/metrics.md").read_text()
    assert page == metrics_page()
    assert len(re.findall(r"^\| `corral_\w+`", page, re.MULTILINE)) > 30


def test_the_command_line_page_is_what_the_commands_say():
    page = (ROOT / "docs/reference/cli.md").read_text()
    assert page == cli_page()
    for command in (
        "corral up",
        "corral jobs submit",
        "corral queues clean",
        "corral load",
        "corral keys create",
    ):
        assert f"`{command}`" in page
