"""Runs in a pod: posts jobs to the Service at an even pace, and says of each what became of it.

    python poster.py URL TYPE PAYLOAD TAG RATE

Each request has a connection of its own, so that the Service chooses a pod for each. One line per request: a status and
the job's id, or 0 and what went wrong. SIGTERM ends it.
"""

import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

TIMEOUT = 30.0


def post(url: str, body: bytes) -> str:
    """One request."""
    headers = {"Authorization": f"Bearer {os.environ['CORRAL_KEY']}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return f"{answer.status} {json.load(answer)['id']}"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code} {error.read(300)!r}"
    except OSError as error:
        return f"0 {error!r}"


def say(line: str) -> None:
    """A line for the log, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(base: str, type: str, payload: str, tag: str, rate: float) -> None:
    """Post until told to end."""
    enough = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: enough.set())
    body = json.dumps({"type": type, "payload": json.loads(payload), "tags": [tag]}).encode()
    due = time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        while not enough.is_set():
            request = pool.submit(post, base + "/api/v1/jobs", body)
            request.add_done_callback(lambda done: say(done.result()))
            due += 1 / rate
            enough.wait(max(0.0, due - time.monotonic()))
    say("end")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5]))
