# Made by corral codegen; the next run overwrites it.
"""One producer for each job type, and the client that has them all."""

from __future__ import annotations

from typing import Any, Literal

import httpx2

from . import models
from .runtime import AsyncHttp, AsyncOptionalProducer, AsyncProducer, Http, OptionalProducer, Producer


class DatabaseCleanProducer(
    OptionalProducer[
        Any,
        models.DatabaseCleanResult,
        Literal["database"],
    ]
):
    """Removes ended jobs that are older than a day, and says how many.

    Job type database.clean, queue database.
    """


class AsyncDatabaseCleanProducer(
    AsyncOptionalProducer[
        Any,
        models.DatabaseCleanResult,
        Literal["database"],
    ]
):
    """Removes ended jobs that are older than a day, and says how many.

    Job type database.clean, queue database.
    """


class EmailWelcomeProducer(
    Producer[
        models.EmailWelcomePayload,
        models.EmailWelcomeResult,
        Literal["emails"],
    ]
):
    """Sends the e-mail that follows a sign-up.

    Job type email.welcome, queue emails.
    """


class AsyncEmailWelcomeProducer(
    AsyncProducer[
        models.EmailWelcomePayload,
        models.EmailWelcomeResult,
        Literal["emails"],
    ]
):
    """Sends the e-mail that follows a sign-up.

    Job type email.welcome, queue emails.
    """


class Client(Http):
    """One publisher, one key; a producer for each job type."""

    def __init__(
        self, url: str, key: str | None = None, *, http: httpx2.Client | None = None
    ) -> None:
        """Begin; `http` is used in place of a client of its own, which is closed with this one."""
        super().__init__(url, key, http=http)
        self.database_clean = DatabaseCleanProducer(self, "database.clean")
        self.email_welcome = EmailWelcomeProducer(self, "email.welcome")


class AsyncClient(AsyncHttp):
    """For programs with an event loop. One publisher, one key; a producer for each job type."""

    def __init__(
        self, url: str, key: str | None = None, *, http: httpx2.AsyncClient | None = None
    ) -> None:
        """Begin; `http` is used in place of a client of its own, which is closed with this one."""
        super().__init__(url, key, http=http)
        self.database_clean = AsyncDatabaseCleanProducer(self, "database.clean")
        self.email_welcome = AsyncEmailWelcomeProducer(self, "email.welcome")
