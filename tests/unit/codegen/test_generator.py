"""What is written where, what is told to be stale, and what is never overwritten."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field
from tests.unit.codegen.command import corral
from tests.unit.codegen.everything import catalog, job_types, whole_catalog
from tests.unit.codegen.loading import importing

from corral.catalog import Catalog, Queue, job_type
from corral.codegen import OutputInUse, TemplateFault, generate
from corral.codegen.output_folder import MANIFEST
from corral.codegen.submission_options import QUEUE, SUBMISSION_OPTIONS
from corral.errors import DeclarationError
from corral_publisher.models.requests import Submission

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "typed_definitions"
OF_EXAMPLE = ["email.welcome", "database.*"]


class Small(BaseModel):
    to: str


def small(**more: Any) -> Catalog:
    return Catalog({"mail.small": job_type("mail.small", payload=Small, queue="mail", **more)})


def content(folder: Path) -> dict[str, str]:
    return {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*.*") if one.is_file()}


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_the_same_definitions_make_the_same_files(language: str, tmp_path: Path):
    made = [content(generate_into(tmp_path / name, language)) for name in ("one", "two")]
    assert made[0] == made[1]
    assert seeded(tmp_path / "seeded", language, 1) == made[0]
    backwards = Catalog(dict(reversed(job_types().items())))
    generate(language, backwards, tmp_path / "three")
    assert content(tmp_path / "three") == made[0]


def seeded(folder: Path, language: str, seed: int) -> dict[str, str]:
    """In a process of its own, where sets have another order."""
    script = (
        "import sys; from tests.unit.codegen.everything import catalog; from corral.codegen import generate;"
        "generate(sys.argv[1], catalog(), sys.argv[2])"
    )
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, language, folder], env=environment, check=True
    )
    return content(folder)


def generate_into(folder: Path, language: str) -> Path:
    generate(language, catalog(), folder)
    return folder


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_two_hundred_types_stay_on_the_page(language: str, tmp_path: Path):
    generate(language, whole_catalog(), tmp_path / "acme")
    for name, text in content(tmp_path / "acme").items():
        assert text.endswith("\n"), name
        assert not any(line != line.rstrip() for line in text.splitlines()), name
        assert "\n\n\n\n" not in text, name


def test_generated_python_needs_httpx2_and_the_standard_library_alone(tmp_path: Path):
    generate("python", small(), tmp_path / "acme")
    script = (
        "import sys; import acme; acme.Client('http://127.0.0.1:1').close();"
        "print(sorted({one.partition('.')[0] for one in sys.modules} & {'corral', 'pydantic', 'jinja2', 'orjson'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_second_run_writes_nothing_and_a_check_names_what_is_stale(tmp_path: Path):
    out = tmp_path / "acme"
    assert generate("python", small(), out, check=True).changed != ()
    assert not out.exists()
    generate("python", small(), out)
    assert generate("python", small(), out).changed == ()
    assert generate("python", small(), out, check=True).changed == ()
    stale = generate("python", small(description="Other."), out, check=True).changed
    assert "client.py" in stale
    assert "runtime.py" not in stale
    (out / "client.py").write_text("# Made by corral codegen; the next run overwrites it.\nchanged\n")
    (out / "queues.py").unlink()
    assert generate("python", small(), out, check=True).changed == ("client.py", "queues.py")
    assert generate("python", small(), out).changed == ("client.py", "queues.py")


def test_a_run_without_workers_takes_no_handlers_away(tmp_path: Path):
    out = tmp_path / "acme"
    generate("python", of_this_module(), out, workers=True)
    before = content(out)
    assert "workers/__init__.py" in before
    assert generate("python", of_this_module(), out, check=True).changed == ()
    assert generate("python", of_this_module(), out).changed == ()
    assert generate("python", of_this_module(), out, workers=True).changed == ()
    assert content(out) == before


def test_what_is_generated_no_more_is_said_to_be_removed(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    logger = logging.getLogger("of-this-test")
    generate("python", of_this_module(), tmp_path, workers=True)
    with caplog.at_level(logging.INFO, logger="of-this-test"):
        done = generate("python", of_this_module("other"), tmp_path, workers=True, logger=logger)
    assert done.removed == ("workers/mail/__init__.py",)
    assert f"removed: {tmp_path / 'workers/mail/__init__.py'}" in caplog.messages
    assert (tmp_path / "workers/mail/mail_of_this_module.py").exists(), "a handler is its author's"


def of_this_module(queue: str = "mail") -> Catalog:
    """One type whose declaration handlers can import."""
    declared = job_type("mail.of-this-module", payload=Small, queue=queue)
    sys.modules[__name__].declared_here = declared
    return Catalog({declared.name: declared})


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_a_folder_that_can_not_be_written_is_named(language: str, tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    for out in (Path("/proc/none"), tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputInUse, match=f"{out}.* can't be (written|read): "):
            generate(language, small(), out)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_queue_has_the_options_that_are_declared_for_it(tmp_path: Path):
    queue = Queue("mail", delay=5, keep_finished=10, retries=2)
    catalog = Catalog({"mail.small": job_type("mail.small", payload=Small, queue=queue, retries=4)})
    generate("python", catalog, tmp_path / "queue_client")
    with importing(tmp_path, "queue_client") as package:
        assert package.queues.MAIL.declared == {
            "delay": 5,
            "keep_finished": {"count": 10, "seconds": None},
            "retries": 2,
        }
        assert package.queues.MAIL.options["mail.small"]["retries"] == 4
    generate("typescript", catalog, tmp_path / "web")
    assert re.search(r"declared: \{[^}]*\bdelay\W+5", (tmp_path / "web" / "queues.ts").read_text())


def test_a_file_of_another_hand_is_never_overwritten(tmp_path: Path):
    (tmp_path / "client.py").write_text("mine\n")
    with pytest.raises(OutputInUse, match=r"client.py in .* was not made by corral codegen"):
        generate("python", small(), tmp_path)
    assert (tmp_path / "client.py").read_text() == "mine\n"
    assert not (tmp_path / "models.py").exists()


def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(OutputInUse, match=MANIFEST):
        generate("python", small(), tmp_path)


def test_a_teams_template_goes_before_ours(tmp_path: Path):
    own = tmp_path / "templates" / "python"
    own.mkdir(parents=True)
    (own / "queues.py.j2").write_text('NAMES = [{% for one in queues %}"{{ one.name }}"{% endfor %}]\n')
    generate("python", small(), tmp_path / "acme", templates=tmp_path / "templates")
    assert (tmp_path / "acme" / "queues.py").read_text().splitlines()[1] == 'NAMES = ["mail"]'
    assert "class Client" in (tmp_path / "acme" / "client.py").read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [("{{ nothing }}", "'nothing' is undefined"), ("\n{% if %}", "line 2"), ("{{ 1 / 0 }}", "zero")],
)
def test_a_template_that_is_wrong_is_named(text: str, told: str, tmp_path: Path):
    (tmp_path / "queues.py.j2").write_text(text)
    with pytest.raises(TemplateFault, match=r"queues\.py\.j2") as refused:
        generate("python", small(), tmp_path / "acme", templates=tmp_path)
    assert told in str(refused.value)


def test_a_folder_of_templates_that_is_none_is_named(tmp_path: Path):
    with pytest.raises(TemplateFault, match="there is no folder"):
        generate("python", small(), tmp_path / "acme", templates=tmp_path / "none")


def test_a_pattern_that_fits_no_type_is_named_with_those_there_are(tmp_path: Path):
    with pytest.raises(DeclarationError, match=r"no job type is called 'maill\.\*'; there are: mail.small"):
        generate("python", small(), tmp_path / "acme", types=["maill.*"])


def test_the_logger_is_told_of_files_and_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    logger = logging.getLogger("of-this-test")
    with caplog.at_level(logging.INFO, logger="of-this-test"):
        generate("typescript", small(), tmp_path, logger=logger)
        generate("typescript", Catalog({"other": job_type("other", queue="mail")}), tmp_path, logger=logger)
    assert any("client.ts" in line for line in caplog.messages)
    assert "breaking: mail.small: removed: there is no such job type any more" in caplog.messages


def test_names_that_are_spelled_alike_stay_apart(tmp_path: Path):
    generate("python", catalog(), tmp_path / "apart_client")
    with importing(tmp_path, "apart_client") as package:
        client = package.Client("http://127.0.0.1:1")
        told = {one.type: name for name, one in vars(client).items() if hasattr(one, "type")}
        client.close()
    assert told["import"] == "import_"
    assert told["class"] == "class_"
    assert told["call"] != "call"
    assert len({told["a-b"], told["a.b"], told["a_b"]}) == 3
    assert set(told) == set(job_types())


def test_every_option_of_a_submission_has_a_row():
    fields = set(Submission.model_fields) - {"type", "payload", QUEUE}
    assert {option.name for option in SUBMISSION_OPTIONS} == fields


@pytest.mark.parametrize(("language", "folder"), [("python", "typed_client"), ("typescript", "typescript")])
def test_the_example_is_what_its_definitions_make(
    language: str, folder: str, monkeypatch: pytest.MonkeyPatch
):
    more = [word for pattern in OF_EXAMPLE for word in ("--types", pattern)]
    more += ["--workers"] if language == "python" else []
    sys.modules.pop("definitions", None)
    code, out = corral(
        language,
        "--out",
        folder,
        *more,
        "--check",
        folder=EXAMPLE,
        monkeypatch=monkeypatch,
        CORRAL_JOBS="definitions",
    )
    sys.modules.pop("definitions", None)
    assert code == 0, out


def test_descriptions_and_examples_are_in_the_code(tmp_path: Path):
    class Described(BaseModel):
        """Who is told."""

        to: str = Field(description="Their address.", examples=["ada@example.com"], max_length=9)

    types = {"told": job_type("told", payload=Described, description="Tells somebody.")}
    for language, name in (("python", "models.py"), ("typescript", "models.ts")):
        generate(language, Catalog(types), tmp_path / language)
        text = (tmp_path / language / name).read_text()
        for part in ("Who is told.", "Their address.", "ada@example.com", "at most 9 characters"):
            assert part in text
        client = (tmp_path / language / name.replace("models", "client")).read_text()
        assert "Tells somebody." in client


def test_typescript_has_no_workers(tmp_path: Path):
    with pytest.raises(DeclarationError, match="workers are Python"):
        generate("typescript", small(), tmp_path, workers=True)


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_bounds_beyond_a_floating_point_number_are_written_with_all_their_digits(
    tmp_path: Path, language: str
):
    class Huge(BaseModel):
        number: int = Field(le=10**400)

    generate(language, Catalog({"mail.huge": job_type("mail.huge", payload=Huge, queue="mail")}), tmp_path)
    assert str(10**400) in "".join(content(tmp_path).values())
