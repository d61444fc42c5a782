"""What a process needs of the surroundings it is started in, seen to before anything else is imported."""

import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_HARMFUL: Final = ("RQ_KEY_PREFIX",)
"""Variables that libraries read when they are imported, and that change what all processes must agree on."""
_METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_GONE = 2
"""The exit code where the working folder is gone: something that was given is wrong."""


def prepare(program: str = "corral", *, without: Iterable[str] = ()) -> None:
    """Open standard streams that are closed, drop variables that would do harm, and have the working folder searched.

    `without` are further variables that this program does without. Ends the process with a message where the
    working folder is gone: everything that is named relative to it would be somewhere else.
    """
    _read_text_as_utf8()
    _open_streams()
    for name in (*_HARMFUL, *without):
        os.environ.pop(name, None)
    metrics = os.environ.get(_METRICS_FOLDER)
    if metrics and not os.access(metrics, os.W_OK | os.X_OK):
        del os.environ[_METRICS_FOLDER]  # prometheus_client could not even be imported
    try:
        folder = str(Path.cwd())
    except OSError as error:
        sys.stderr.write(
            f"{program}: the working folder can't be found: {error.strerror}; change into one that exists (cd)\n"
        )
        raise SystemExit(_GONE) from None
    if not {"", folder} & set(sys.path):  # a team's modules are found here, behind what is installed
        sys.path.append(folder)


def say_ready(descriptor: int) -> None:
    """Tell whoever started this process that it serves: a byte, which nobody need read."""
    with suppress(BlockingIOError, BrokenPipeError):
        os.write(descriptor, b".")


def take_over_output() -> None:
    """Have standard output and error end quietly when their reader goes, and fail at no character."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        raw = _Output(stream.fileno(), "w", closefd=False)
        raw.ends_process = name == "stdout"
        text = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=stream.encoding,
            errors="backslashreplace",
            line_buffering=raw.isatty() or name == "stderr",
            write_through=False,
        )
        setattr(sys, name, text)


class OutputLost(Exception):
    """Standard output can't be written any more."""


class _Output(io.FileIO):
    """A standard stream as a file."""

    ends_process = False

    def write(self, data: object) -> int:
        """Write, as far as anybody reads.

        Raises:
            SystemExit: the reader of standard output went (`corral jobs list | head`): nothing is left to do.
            OutputLost: the disk is full, or the terminal is gone.
        """
        view = memoryview(data)  # type: ignore[arg-type]
        try:
            return super().write(view) or 0
        except BlockingIOError:
            raise
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())  # what is still to come disappears
            os.close(nowhere)
            if not self.ends_process:
                return len(view)
            if isinstance(error, BrokenPipeError):
                raise SystemExit(0) from None
            raise OutputLost(f"standard output can't be written: {error.strerror}") from None


def _read_text_as_utf8() -> None:
    """Begin anew in Python's UTF-8 mode where it is switched off and an argument or a setting is not ASCII.

    Python itself switches it on where the locale knows ASCII only.
    """
    given = (*sys.argv, *(value for name, value in os.environ.items() if name.startswith("CORRAL_")))
    if sys.getfilesystemencoding() == "ascii" and not all(one.isascii() for one in given):
        program, *arguments = (os.fsencode(one) for one in sys.orig_argv)
        os.execv(sys.executable, [program, b"-X", b"utf8", *arguments])  # noqa: S606  no shell


def _open_streams() -> None:
    """Lead closed ones nowhere: the next file or socket would take their number, and be written into."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  for good
