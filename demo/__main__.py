"""Runs the demo: `python -m demo`, or one step of it: `python -m demo reports`."""

import argparse
import importlib
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

from demo.account import Account, say
from demo.installation import Installation
from demo.stage import Stage
from demo.stand_in import StandIn
from demo.steps import STEPS

WORKERS = 2


@contextmanager
def prepared(account: Account) -> Iterator[Stage]:
    """The stand-ins and the system, started, and ended afterwards; what is left running does not hold."""
    home = Path(tempfile.mkdtemp(prefix="corral-demo-"))
    home.chmod(0o755)  # the embedded servers run under another account where this is root
    try:
        with (
            StandIn("mail_server", home / "mails") as mails,
            StandIn("feed_server", home / "feeds") as feeds,
            StandIn("receiver", home / "hooks") as receiver,
        ):
            ports = (
                f"mail server {mails.port}, feed server {feeds.port}, receiver of webhooks {receiver.port}"
            )
            say(f"stand-ins on ports: {ports}")
            settings = {
                "SMTP_HOST": "127.0.0.1",
                "SMTP_PORT": str(mails.port),
                "SMTP_SECURITY": "none",
                "SMTP_FROM": "Corral <corral@example.com>",
                "OUTGOING_ALLOW": "127.0.0.1/32",
                "SECRETS_DIR": str(home / "secrets"),
                "METRICS_PORT": "0",
                "WEB_WORKERS": "1",
                "JOBS": "definitions",
                "HANDLERS": "typed_client.workers.emails",
            }
            installation = Installation(home, workers=WORKERS, settings=settings)
            say(
                f"Corral runs at {installation.url}, {WORKERS} workers, started in {installation.seconds:.1f} s"
            )
            headers = {"Authorization": f"Bearer {installation.connection.key}"}
            try:
                with httpx2.Client(
                    base_url=installation.url, headers=headers, timeout=30, trust_env=False
                ) as http:
                    yield Stage(installation, mails, feeds, receiver, account, http, home)
            finally:
                _stop(installation, account)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _stop(installation: Installation, account: Account) -> None:
    began = time.monotonic()
    code, left = installation.stop()
    say("\nthe end")
    figure = f"exit {code} in {time.monotonic() - began:.1f} s, {len(left)} processes left"
    account.show("002-39 004-15", "Ctrl-C ends all of it", figure, holds=code == 0 and not left)


def perform(names: Sequence[str], account: Account) -> bool:
    """Run steps one after another; whether each of them came to its end."""
    whole = True
    steps = {name: importlib.import_module(f"demo.steps.{name}") for name in names}
    with prepared(account) as stage:
        for name, step in steps.items():
            say(f"\n{name}: {step.TITLE}")
            began = time.monotonic()
            try:
                step.run(stage)
            except Exception as error:  # noqa: BLE001  the other steps are shown all the same
                whole = False
                traceback.print_exc()
                say(f"  the step broke off: {error}")
            say(f"  ({name}: {time.monotonic() - began:.1f} s)")
    return whole


def main(arguments: Sequence[str]) -> int:
    """Run all steps or the named one; 0 only where every promise that was looked at is kept."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("step", nargs="?", choices=list(STEPS), help="only this step")
    step = parser.parse_args(arguments).step
    account, began = Account(), time.monotonic()
    names = [step] if step else list(STEPS)
    whole = perform(names, account)
    if step is None:
        say("\nwhat no command shows, and the test of it")
        for line in account.elsewhere({system for name in names for system in STEPS[name]}):
            say(line)
    kept, broken = account.shown, account.broken
    say(f"\n{len(kept)} promises kept, {len(broken)} not, in {time.monotonic() - began:.0f} s")
    for one in sorted(broken):
        say(f"  not kept: {one} {account.known[one].promise}")
    if not whole:
        say("  not every step came to its end")
    return 0 if whole and kept and not broken else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
