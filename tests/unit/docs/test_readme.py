"""README.md says what is true: its commands exist as they are written, its links lead somewhere, its map is whole."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from demo.pictures import MOST_BYTES, PICTURES
from typer.main import get_command

from corral.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "README.md").read_text()
FIRST_SCREEN = 40
"""Lines."""


def lines() -> list[str]:
    """Every line of every block of commands."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def inline() -> list[str]:
    """Commands in running text."""
    return re.findall(r"`((?:make|corral|skaffold) [^`]+)`", TEXT)


def section(title: str) -> str:
    return TEXT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def words(command: str) -> list[str]:
    """A simple command without its variables; what a shell would put in place of $(…) is a word."""
    simple = re.sub(r"\$\([^)]*\)", "X", command).removesuffix("&").replace("<id>", "0")
    found = shlex.split(simple)
    while "=" in found[0]:
        found.pop(0)
    return found


@pytest.mark.parametrize("line", [*lines(), *inline()])
def test_every_command_of_the_page_exists(line: str):
    for command in line.split(" && "):
        match words(command):
            case ["make", target, *_]:
                assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE), (
                    target
                )
            case ["corral" | ".venv/bin/corral", *arguments]:
                _parse(arguments)
            case ["skaffold", "dev", "-p", profile, "-i", interval]:
                profiles = yaml.safe_load((ROOT / "skaffold.yaml").read_text())["profiles"]
                assert profile in [one["name"] for one in profiles]
                assert interval.isdecimal()
            case ["kind", *arguments]:
                _kind(arguments)
            case ["helm" | "kubectl", *_]:
                assert line in section("On Kubernetes"), "the cluster suite runs what stands there"
            case ["git", "clone", *_] | ["cd", "corral"] | ["source", ".venv/bin/activate"]:
                pass
            case other:
                pytest.fail(f"nothing tests {other}")


def _parse(arguments: list[str]) -> None:
    """Read the arguments as the command would, without running it."""
    command, name = get_command(app), "corral"
    context = command.make_context(name, list(arguments))
    while hasattr(command, "resolve_command") and (rest := [*context._protected_args, *context.args]):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


def test_an_option_that_does_not_exist_is_noticed():
    with pytest.raises(Exception, match="--nope"):
        _parse(["load", "--nope"])
    with pytest.raises(Exception, match="nothing"):
        _parse(["jobs", "nothing"])


def _kind(arguments: list[str]) -> None:
    config = yaml.safe_load((ROOT / "kind-config.yaml").read_text())
    match arguments:
        case ["create", "cluster", "--config", path]:
            assert (ROOT / path).is_file()
        case ["load", "docker-image", "--name", name, *images]:
            assert name == config["name"]
            services = [image.removeprefix("corral-").removesuffix(":dev") for image in images]
            assert sorted(services) == sorted(
                path.suffix.removeprefix(".") for path in ROOT.glob("Dockerfile.*")
            )
        case other:
            pytest.fail(f"nothing tests kind {other}")


def test_the_first_screen_shows_both_commands_with_what_they_need_take_and_print():
    screen = "\n".join(TEXT.splitlines()[:FIRST_SCREEN])
    before_kubernetes = screen.split("## On Kubernetes")[0]
    assert "\nmake up\nmake test\n" in before_kubernetes
    assert "| | needs | takes | prints |" in before_kubernetes
    for command in ("make up", "make test"):
        row = re.search(rf"^\| `{command}` \| (.+) \| (.+) \| (.+) \|$", before_kubernetes, re.MULTILINE)
        assert row, command
        assert all(len(cell) > 10 for cell in row.groups())


def test_kubernetes_comes_directly_after_by_one_command_and_by_hand_in_six_lines():
    assert re.findall(r"^## (.+)$", TEXT, re.MULTILINE)[0] == "On Kubernetes"
    text = section("On Kubernetes")
    assert text.index("`make kind-up`") < text.index("```sh")
    (block,) = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    starts = [line.split()[0] for line in block.splitlines()]
    assert len(starts) == 6
    assert starts[:4] == ["make", "kind", "helm", "kubectl"]
    assert "`skaffold dev -p dev -i 100`" in text


def test_links_lead_to_what_exists():
    links = re.findall(r"\]\((?!https?://)([^)]+)\)", TEXT)
    assert len(links) > 10
    for link in links:
        path, _, anchor = link.partition("#")
        assert (ROOT / path).exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, link


def test_there_is_a_small_picture_of_scaling_and_one_of_each_replaced_system():
    pictures = re.findall(r"!\[([^\]]+)\]\(docs/images/([\w-]+)\.png\)", TEXT)
    assert [name for _, name in pictures] == ["scaling", *PICTURES], (
        "make screenshots makes all but the first"
    )
    for words, name in pictures:
        assert len(words) > 40, f"{name}: what it shows, for those who do not see it"
        assert 5_000 < (ROOT / "docs" / "images" / f"{name}.png").stat().st_size <= MOST_BYTES


def test_the_table_of_the_replaced_systems_names_pages_that_are_there():
    frame = (ROOT / "services/publisher/corral_publisher/templates/_frame.html").read_text()
    lists = re.findall(r"the pages? ([A-Z][\w, ]*)", section("Coming from these systems"))
    named = {name for names in lists for name in re.findall(r"[A-Z]\w+", names)}
    assert named == {
        *("Jobs", "Queues", "Workers", "Reports", "Types", "Providers", "Areas", "Feeds", "Imports")
    }
    for name in named:
        assert f'"{name}")' in frame, f"{name} is not in the navigation"


def test_the_folder_map_is_whole():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    top = {path.partition("/")[0] for path in tracked} - {"services"}
    top |= {"/".join(path.split("/")[:2]) for path in tracked if path.startswith("services/")}
    named = {name.rstrip("/") for name in re.findall(r"`([^`]+)`", section("What is where"))}
    assert top - named == set()
