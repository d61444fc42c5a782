import pytest

from corral.cli import main


@pytest.fixture
def corral(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path):
    """The command with its arguments: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORRAL_DATABASE_URL", "postgresql://nobody@db.test/corral")
    monkeypatch.setenv("CORRAL_REDIS_URL", "redis://redis.test")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["corral", *arguments])
        with pytest.raises(SystemExit) as ended:
            main.main()
        return ended.value.code, *capsys.readouterr()

    return run
