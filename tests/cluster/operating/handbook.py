"""The commands of docs/how-to/operate.md, run as they stand there: what a test proves is what an operator reads."""

import os
import re
import shlex
import tempfile
from pathlib import Path

from tests.cluster.node import ROOT
from tests.cluster.program import run
from tests.cluster.release import Release, written

PAGE = ROOT / "docs" / "how-to" / "operate.md"
SECONDS = 420.0


class Handbook:
    """The page's commands for one release, in a folder where its files are kept: dumps, values, the chart."""

    def __init__(self, release: Release, values: dict[str, object], folder: Path) -> None:
        self._release = release
        self.folder = folder
        (folder / "charts").symlink_to(ROOT / "charts")
        (folder / "values.yaml").write_text(written(release.images, values))  # JSON is YAML

    def run(self, of: str) -> str:
        """The commands under a heading, or under a paragraph that begins in bold letters, and what they print.

        The namespace is this release's, and helm the one that the tests use; nothing else is changed. As in a script
        of an operator's, the first command that fails ends it.
        """
        with tempfile.NamedTemporaryFile("w", suffix=".sh") as script:
            script.write(self._for_release(commands(PAGE.read_text(), of)))
            script.flush()
            shell = (
                f"cd {shlex.quote(str(self.folder))} && exec bash -euo pipefail {shlex.quote(script.name)}"
            )
            return run("bash", "-c", shell, seconds=SECONDS)

    def _for_release(self, text: str) -> str:
        helm = os.environ.get("CORRAL_TEST_HELM", "helm")
        text = re.sub(r"\bkubectl -n corral ", f"kubectl -n {self._release.namespace.name} ", text)
        text = re.sub(r"\bhelm -n corral ", f"{helm} -n {self._release.namespace.name} ", text)
        assert "-n corral " not in text, text
        return text


def commands(page: str, of: str) -> str:
    """The first block of commands after the heading `of`, or after a paragraph that begins with it in bold letters."""
    begins = re.search(rf"^(?:#+ {re.escape(of)}$|\*\*{re.escape(of)}\*\*)", page, re.MULTILINE)
    assert begins is not None, f"{PAGE.name} has nothing that is called {of!r}"
    block = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL).search(page, begins.end())
    between = page[begins.end() : block.start()] if block is not None else "\n#"
    assert block is not None, f"{PAGE.name} has no commands after {of!r}"
    assert not re.search(r"^(#|\*\*)", between, re.MULTILINE), f"{PAGE.name} has no commands under {of!r}"
    return block[1]
