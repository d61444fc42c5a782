"""System 3: a typed client is generated from definitions, refuses wrong data, and submits; a worker runs the handler."""

import os
import subprocess
import sys
from pathlib import Path

from demo.installation import EXAMPLE
from demo.stage import Stage

TITLE = "clients generated from typed definitions"
PROGRAM = """
import os
from typed_client import Client, InvalidPayload

with Client(os.environ["CORRAL_URL"], os.environ["CORRAL_KEY"]) as corral:
    try:
        corral.email_welcome.submit({"to": "nobody", "name": ""})
    except InvalidPayload as error:
        print("refused", *sorted(one.pointer for one in error.errors))
    print("submitted", corral.email_welcome.submit({"to": "ada@example.com", "name": "Ada"}).id)
"""
WRONG = PROGRAM.replace('"name": "Ada"', '"nme": "Ada"')


def run(stage: Stage) -> None:
    """Generate, check, submit, and look at what the handler did."""
    show = stage.account.show
    made = stage.folder / "generated"
    _generate(stage, "python", made / "typed_client")
    _generate(stage, "typescript", made / "typescript")
    names = sorted(file.name for file in (made / "typed_client").glob("*.py"))
    show("002-13 002-14 002-16", "corral codegen python", f"{len(names)} modules", holds="client.py" in names)
    kept = sorted(
        file.relative_to(EXAMPLE) for name in ("typescript",) for file in (EXAMPLE / name).rglob("*.ts")
    )
    same = [file for file in kept if (made / file).read_bytes() == (EXAMPLE / file).read_bytes()]
    show(
        "002-24 002-21",
        "the sample is what it makes",
        f"{len(same)} of {len(kept)} files of TypeScript",
        holds=same == kept,
    )
    done = _program(stage, made, PROGRAM)
    words = [line.split() for line in done.stdout.splitlines()]
    refused = next((line[1:] for line in words if line[0] == "refused"), [])
    show(
        "002-17 002-60",
        "wrong data, before it is sent",
        " ".join(refused),
        holds=refused == ["/payload/name", "/payload/to"],
    )
    (job,) = [line[1] for line in words if line[0] == "submitted"]
    ended = stage.until_status(f"/api/v1/jobs/{job}", "completed", "failed", field="state")
    show(
        "002-16 002-15",
        "its job",
        f"{ended['state']}: {ended['result']}",
        holds=ended["state"] == "completed",
    )
    written = stage.folder / "outbox" / f"{job}.eml"
    show(
        "002-25",
        "its handler wrote",
        written.name,
        holds=written.is_file() and b"Welcome, Ada!" in written.read_bytes(),
    )
    options = stage.get("/api/v1/types/email.welcome")["options"]
    figure = f"retries {options['retries']}, keeps {options['keep_finished']['count']} and {options['keep_failed']['count']}"
    show("002-03 002-04", "the queue's defaults", figure, holds=options["keep_finished"]["count"] == 100)
    _types(stage, made)


def _generate(stage: Stage, language: str, into: Path) -> None:
    stage.installation.corral(
        "codegen", language, "--out", str(into), "--types", "email.welcome", "--types", "database.*",
        CORRAL_JOBS="definitions",
    )  # fmt: skip


def _program(stage: Stage, made: Path, text: str) -> subprocess.CompletedProcess[str]:
    connection = stage.installation.connection
    own = os.environ | {
        "CORRAL_URL": connection.url,
        "CORRAL_KEY": connection.key or "",
        "PYTHONPATH": str(made),
    }
    return subprocess.run(
        [sys.executable, "-c", text], env=own, capture_output=True, text=True, timeout=60, check=False
    )


def _types(stage: Stage, made: Path) -> None:
    """A field that is misspelt is refused by the client at run time, as the compiler refuses it in an editor."""
    done = _program(stage, made, WRONG)
    said = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
    stage.account.show(
        "002-19 002-60", "a misspelt field", said[:60], holds=done.returncode != 0 and "nme" in done.stderr
    )
