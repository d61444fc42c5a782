"""The folder of generated files: what is in it, what would be, and the manifest that remembers from what."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from corral.codegen.changes import Known
from corral.codegen.errors import OutputInUse

MANIFEST: Final = "corral-codegen.json"
MARK: Final = "Made by corral codegen; the next run overwrites it."
"""The first line of a file that may be overwritten."""
_COMMENTS: Final[Mapping[str, str]] = {".py": "# ", ".ts": "// "}


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One generated file."""

    path: str
    """Below the folder, with slashes."""
    text: str
    once: bool = False
    """Whether it is written once and never again: it is the reader's from then on."""


def marked(path: str, text: str) -> str:
    """The text with the line that says whose the file is."""
    return f"{_COMMENTS[Path(path).suffix]}{MARK}\n{text.strip()}\n"


class OutputFolder:
    """One folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self._told = self._read_manifest()

    @property
    def known(self) -> dict[str, Known]:
        """The job types that its files were made from."""
        return {
            name: Known(one.get("payload_schema"), one.get("result_schema"), tuple(one.get("queues", ())))
            for name, one in self._told.get("types", {}).items()
        }

    @property
    def is_new(self) -> bool:
        """Whether nothing was generated into it yet."""
        return not self._told

    def untouched(self, below: str) -> list[OutputFile]:
        """The files of an earlier run below a folder in this one, as they are."""
        return [
            OutputFile(path, text)
            for path in self._told.get("files", ())
            if path.startswith(below)
            and ".." not in path
            and (text := self._read(path)) is not None
            and not self._is_foreign(path)
        ]

    def stale(self, files: Iterable[OutputFile]) -> list[str]:
        """The files that are missing, differ, or should not be there any more."""
        wanted = list(files)
        different = [one.path for one in wanted if not self._is_as(one)]
        return sorted({*different, *self._surplus(wanted)})

    def write(self, files: Iterable[OutputFile]) -> list[str]:
        """Write what differs, remove what is generated no more; answers what changed.

        Raises:
            OutputInUse: a file that was not generated stands in the way, and nothing is written; or the folder can't be
                written.
        """
        wanted = list(files)
        if foreign := [one.path for one in wanted if not one.once and self._is_foreign(one.path)]:
            raise OutputInUse(
                f"{', '.join(sorted(foreign))} in {self.path} was not made by corral codegen: name another folder"
            )
        changed = self.stale(wanted)
        try:
            for path in self._surplus(wanted):
                (self.path / path).unlink()
            for one in wanted:
                if one.path in changed:
                    target = self.path / one.path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(one.text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise OutputInUse(f"{error.filename or self.path} can't be written: {error.strerror}") from error
        return changed

    def _is_as(self, file: OutputFile) -> bool:
        found = self._read(file.path)
        return found is not None and (file.once or found == file.text)

    def _surplus(self, wanted: list[OutputFile]) -> list[str]:
        """Files of an earlier run that are generated no more; never one that is written once."""
        kept = {one.path for one in wanted}
        return [
            path
            for path in self._told.get("files", ())
            if path not in kept
            and ".." not in path
            and self._read(path) is not None
            and not self._is_foreign(path)
        ]

    def _is_foreign(self, path: str) -> bool:
        found = self._read(path)
        if found is None or path == MANIFEST:
            return False
        return MARK not in found.partition("\n")[0]

    def _read(self, path: str) -> str | None:
        try:
            return (self.path / path).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (UnicodeDecodeError, IsADirectoryError):
            return ""
        except OSError as error:
            raise OutputInUse(f"{self.path / path} can't be read: {error.strerror}") from error

    def _read_manifest(self) -> dict[str, Any]:
        text = self._read(MANIFEST)
        try:
            told = json.loads(text) if text else {}
        except ValueError as error:
            raise OutputInUse(
                f"{self.path / MANIFEST} can't be read: {error}; remove it to begin anew"
            ) from error
        return told if isinstance(told, dict) else {}


def manifest_of(language: str, known: Mapping[str, Known], files: Iterable[OutputFile]) -> OutputFile:
    """The file that remembers from what the others were made."""
    told = {
        "about": "Made by corral codegen, which reads it to tell what changed. Keep it beside the code.",
        "language": language,
        "files": sorted(one.path for one in files if not one.once),
        "types": {name: known[name].as_json() for name in sorted(known)},
    }
    return OutputFile(MANIFEST, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
