"""Limits, and the options of types and queues, on the command line and by the client, against a running system."""

import re
import subprocess
import sys

import pytest
from tests.fixtures.local_system import Up
from tests.fixtures.waiting import eventually

from corral.client import Client, Connection

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_limits_are_listed_set_paused_resumed_and_reset(corral):
    assert re.search(
        r"^provider +by=customer each=2 total=25 +0 +0", corral("limits", "list").out, re.MULTILINE
    )
    done = corral("limits", "set", "provider", "total=10", "--reason", "the provider is slow")
    assert re.search(r"^total +10 +an operator", done.out, re.MULTILINE)
    assert "the provider is slow" in done.out
    assert corral("limits", "set", "provider", "each=5", "--key", "acme").out == (
        "set for the key acme of provider: each=5\n"
    )
    assert re.search(r"^acme +set +each=5", corral("limits", "keys", "provider").out, re.MULTILINE)
    assert corral("limits", "pause", "provider").out == "provider is paused\n"
    assert corral("limits", "show", "provider", "--json").json["paused"]
    assert corral("limits", "resume", "provider").out == "provider is resumed\n"
    assert corral("limits", "reset", "provider").out == (
        "provider is as code declares it; 1 key has values of its own\n"
    )
    assert corral("limits", "reset", "provider", "--key", "acme", "--json").json["values"]["total"] == 25
    assert "nothing uses provider" in corral("limits", "keys", "provider").out
    wrong = corral("limits", "set", "provider-day", "rate=0")
    assert (wrong.code, "corral limits pause provider-day" in wrong.err) == (2, True)
    assert corral("limits", "set", "provider", "total").code == 2
    assert corral("limits", "show", "none").code == 4


def test_keys_that_have_something_of_their_own_are_found_and_an_empty_key_is_no_limit(corral):
    for key, why in (("acme", "they bought more"), (" ", "odd"), ("x" * 300, "long")):
        assert corral("limits", "set", "provider", "each=5", "--key", key, "--reason", why).code == 0
    assert corral("limits", "pause", "provider", "--key", "acme", "--reason", "they asked").out == (
        "the key acme of provider is paused\n"
    )
    shown = corral("limits", "show", "provider").out
    assert "3 keys have values of their own, 1 key is paused: corral limits keys provider --set" in shown
    listed = corral("limits", "keys", "provider", "--set").out
    assert re.search(r'^" " +set +each=5', listed, re.MULTILINE)
    assert re.search(r"^acme .*they bought more; paused by .*: they asked", listed, re.MULTILINE)
    assert re.search(r"^x{47}….{12} +set", listed, re.MULTILINE)
    assert "there are more: --limit 4" in corral("limits", "keys", "provider", "--set", "--limit", "2").out
    assert len(corral("limits", "keys", "provider", "--key", "x" * 300, "--json").json) == 1
    kept = corral("limits", "reset", "provider").out
    assert kept == "provider is as code declares it; 3 keys have values of their own, 1 key is paused\n"
    for action in (("pause", "provider"), ("reset", "provider"), ("set", "provider", "total=9")):
        wrong = corral("limits", *action, "--key", "")
        assert (wrong.code, "/key: is empty; name a key, or leave it out" in wrong.err) == (2, True)
    assert not corral("limits", "show", "provider", "--json").json["paused"]
    assert corral("limits", "resume", "provider", "--key", "acme").code == 0
    for key in ("acme", " ", "x" * 300):
        assert corral("limits", "reset", "provider", "--key", key).code == 0
    assert "nothing uses provider" in corral("limits", "keys", "provider").out


def test_a_wait_that_a_provider_asked_for_is_shown(corral):
    job = corral("jobs", "submit", "acme.told", "--json").json["id"]

    def told() -> bool:
        shown: str = corral("limits", "show", "busy").out
        return (
            re.search(rf"^waits until .*, as job {job} was told: 429 Too Many", shown, re.MULTILINE)
            is not None
        )

    eventually(told)
    assert corral("jobs", "cancel", job).code == 0


def test_options_of_a_shipped_type_are_set_and_taken_back(corral):
    done = corral("types", "set", "report.generate", "keep_finished=50", "backoff=exponential:4")
    assert re.search(r'^keep_finished +\{"seconds":null,"count":50\} +override', done.out, re.MULTILINE)
    assert corral("types", "register", "--force", CORRAL_HANDLERS="").code == 0
    shown = corral("types", "show", "report.generate").json
    assert (shown["options"]["backoff"]["seconds"], shown["sources"]["backoff"]) == (4, "override")
    assert corral("types", "set", "report.generate", "backoff=").code == 0
    assert corral("types", "reset", "report.generate", "--json").json["overrides"] == {}
    wrong = corral("types", "set", "report.generate", "backoff=never")
    assert (wrong.code, "/overrides/backoff" in wrong.err) == (2, True)


def test_the_client_sets_limits(system, corral, monkeypatch):
    with Client(Connection.find()) as api:
        assert {limit["name"] for limit in api.limits()} >= {"provider", "provider-day", "ask-customer"}
        assert api.set_limit("provider", {"each": 3}, key="acme")["overrides"] == {}
        assert [one["overrides"] for one in api.limit_keys("provider")] == [{"each": 3}]
        assert api.reset_limit("provider", key="acme")["name"] == "provider"
        assert api.pause_limit("provider", reason="down")["reason"] == "down"
        assert not api.resume_limit("provider")["paused"]
        assert api.limit("provider")["holders"] == []
        assert api.set_type("acme.burst", {"retries": 4})["options"]["retries"] == 4
        assert api.set_type("acme.burst", {"retries": None})["overrides"] == {}


def test_the_example_of_limits_keeps_them_and_operators_change_them(system: Up, corral):
    def run() -> list[int]:
        program = [sys.executable, "submit_asks.py"]
        done = subprocess.run(
            program, cwd=system.folder, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stderr
        return [int(number) for number in re.findall(r"\d+", done.stdout)]

    calls, at_once, of_acme = run()
    assert (calls, of_acme) == (8, 1)
    assert 1 <= at_once <= 3
    changed = corral("limits", "set", "ask-provider", "total=1", "--reason", "the provider is slow")
    assert re.search(r"^total +1 +an operator", changed.out, re.MULTILINE)
    assert run() == [8, 1, 1]
    assert corral("limits", "reset", "ask-provider").code == 0
    assert corral("limits", "pause", "ask-customer", "--key", "acme").code == 0
    held = corral("jobs", "submit", "asks.ask", "--payload", '{"customer": "acme"}', "--json").json
    other = corral(
        "jobs", "submit", "asks.ask", "--payload", '{"customer": "zeta"}', "--wait", "60", "--json"
    ).json
    assert other["state"] == "completed"
    assert corral("jobs", "show", held["id"], "--json").json["state"] == "queued"
    assert re.search(r"^acme +paused", corral("limits", "keys", "ask-customer").out, re.MULTILINE)
    assert corral("limits", "resume", "ask-customer", "--key", "acme").code == 0
    eventually(lambda: corral("jobs", "show", held["id"], "--json").json["state"] == "completed")


def test_the_example_of_full_limits_refuses_supersedes_and_keeps_the_order(system: Up, corral):
    program = [sys.executable, "submit_syncs.py"]
    done = subprocess.run(program, cwd=system.folder, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert "409: the limit export-account for acme is full: " in done.stdout
    assert "last: completed" in done.stdout
    assert "'cancelled': " in done.stdout
    assert "deliveries in order: True" in done.stdout
    changed = corral("limits", "set", "export-account", "on_full=supersede", "--reason", "the newest will do")
    assert re.search(r"^on_full +supersede +an operator", changed.out, re.MULTILINE)
    changed = corral("limits", "set", "deliver-account", "max_waiting=5", "--key", "acme")
    assert changed.out == "set for the key acme of deliver-account: max_waiting=5\n"
    assert corral("limits", "set", "render-screens", "per_worker=2").code == 0
    assert (
        "on_full=refuse" in corral("limits", "list").out
        or "on_full=supersede" in corral("limits", "list").out
    )
    wrong = corral("limits", "set", "export-account", "on_full=reject")
    assert (wrong.code, "queue, refuse, supersede, cancel-running" in wrong.err) == (2, True)
