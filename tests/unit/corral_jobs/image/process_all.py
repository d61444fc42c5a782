"""Processes all hostile pictures, and prints what came of them: an answer by name, and the peak memory in MiB.

python -m tests.unit.corral_jobs.image.process_all
"""

import json
import resource
import sys
import time
from pathlib import Path

from tests.unit.corral_jobs.image.hostile import CASES, Case

from corral_jobs.image.format import PLAIN
from corral_jobs.image.invalid import InvalidImage
from corral_jobs.image.picture import Picture
from corral_jobs.image.request import Format


def answer(case: Case) -> tuple[str, bytes]:
    """What comes of it in words, and the file that was made."""
    try:
        picture = Picture(case.make())
        kind: Format = case.output.format or PLAIN[picture.format]
        made = picture.make(case.output, kind, **case.more)
    except InvalidImage as error:
        return str(error), b""
    said = f"{kind} {made.size.width}x{made.size.height}"
    return (said if made.frames == 1 else f"{said} of {made.frames}"), made.data


def main() -> None:
    answers, clean, slowest = {}, True, 0.0
    for case in CASES:
        began = time.monotonic()
        answers[case.name], data = answer(case)
        slowest = max(slowest, time.monotonic() - began)
        clean = clean and b"script" not in data and b"PK\x03\x04" not in data
    told = {"answers": answers, "clean": clean, "peak": peak_mib(), "slowest": slowest}
    sys.stdout.write(json.dumps(told))


def peak_mib() -> float:
    """The most memory that this program had. What getrusage tells begins with that of the process that started it."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
