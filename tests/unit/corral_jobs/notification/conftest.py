"""Notifications where nothing is said about mail."""

import pytest

from corral_jobs.mail import server as mail_server


@pytest.fixture(autouse=True)
def no_mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_server, "configured", lambda: None)
