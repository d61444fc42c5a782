"""What `corral up` decides before anything starts."""

import socket

import pytest

from corral.errors import DeclarationError, SettingsError
from corral_local.errors import NotThisHost, PortHeld
from corral_local.home import Home
from corral_local.plan import Plan, make_plan
from corral_local.ports import choose_port
from corral_local.processes.programs import Programs


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def plan(env: dict[str, str] | None = None, **more) -> Plan:
    asked = {"data": None, "port": None, "workers": None, "max_workers": 4, "reload": False}
    return make_plan(**(asked | more), env={"CORRAL_METRICS_PORT": "0"} | (env or {}))


def test_servers_are_embedded_unless_somebody_names_them():
    assert (plan().embeds_postgres, plan().embeds_redis) == (True, True)
    named = plan({"CORRAL_DATABASE_URL": "postgresql://h/x"})
    assert (named.embeds_postgres, named.embeds_redis) == (False, True)


def test_a_direct_address_beside_our_own_postgres_is_refused(tmp_path):
    direct = {"CORRAL_DATABASE_DIRECT_URL": "postgresql://h/x"}
    with pytest.raises(
        SettingsError, match=r"CORRAL_DATABASE_DIRECT_URL \(from environment\): .* of its own"
    ):
        plan(direct)
    (tmp_path / ".env").write_text("CORRAL_DATABASE_DIRECT_URL=postgresql://h/x\n")
    with pytest.raises(SettingsError, match=r"CORRAL_DATABASE_DIRECT_URL \(from \.env\)"):
        plan()
    assert (
        plan(direct | {"CORRAL_DATABASE_URL": "postgresql://pooler/x"}).settings.direct_url
        == "postgresql://h/x"
    )


def test_an_env_file_names_servers_too(tmp_path):
    (tmp_path / ".env").write_text("CORRAL_REDIS_URL=redis://h/0\n")
    assert plan().embeds_redis is False


def test_the_address_is_one_that_this_machine_reaches():
    assert plan({"CORRAL_HOST": "0.0.0.0"}).host == "127.0.0.1"
    assert plan().url.startswith("http://127.0.0.1:80")


@pytest.mark.parametrize("name", ["CORRAL_HOST", "CORRAL_METRICS_HOST"])
@pytest.mark.parametrize(
    ("host", "reason"),
    [("nope.invalid", "has no address"), ("192.0.2.1", "is no address of this machine")],
)
def test_a_host_that_is_none_of_this_machine_is_refused_by_its_setting(name: str, host: str, reason: str):
    """192.0.2.1 is kept for documents: RFC 5737."""
    with pytest.raises(NotThisHost, match=f"^{name}: '{host}' {reason}; "):
        plan({name: host, "CORRAL_METRICS_PORT": "9100"})


def test_switched_off_workers_are_none_and_said():
    off = plan({"WORKER_ENABLED": "false"}, workers=3)
    assert off.workers == 0
    assert any("switched off" in note for note in off.notes)


def test_mistakes_are_told_before_anything_starts(tmp_path):
    with pytest.raises(SettingsError, match="CORRAL_GRACE"):
        plan({"CORRAL_GRACE": "soon"})
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_gives_way_unless_it_was_asked_for():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < choose_port("127.0.0.1", port, asked_by=None) <= port + 100
        with pytest.raises(
            PortHeld, match=rf"--port: port {port} on 127\.0\.0\.1 is taken by .* \(process \d+\)"
        ):
            choose_port("127.0.0.1", port, asked_by="--port")


async def test_what_a_command_of_ours_says_is_told_once_and_without_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("CORRAL_JOBS", "no_such_module")
    decided = plan(data=tmp_path / "data")
    home = Home(decided.data)
    home.folder.mkdir()
    programs = Programs(decided, home, "postgresql://127.0.0.1:1/x", "redis://127.0.0.1:1")
    with pytest.raises(DeclarationError) as refused:
        await programs.register_types()
    assert str(refused.value).startswith("module no_such_module can't be imported: ")
    assert "corral: " not in str(refused.value)
