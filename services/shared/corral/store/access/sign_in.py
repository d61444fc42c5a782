"""Signing in with a browser: links that work once, and the sessions they or a key become.

Secrets come and stay as hashes; times are the database's.
"""

from dataclasses import dataclass
from datetime import datetime

from corral.store.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a browser: who is signed in."""

    actor: str
    role: str
    created_at: datetime
    expires_at: datetime


CREATE_LINK = """
INSERT INTO corral.sign_in_links (hash, actor, role, expires_at)
VALUES (%(hash)b, %(actor)s, %(role)s, now() + %(seconds)s * interval '1 second')
"""
# One statement: of two that use a link at once, one finds it gone.
REDEEM = """
WITH used AS (
    DELETE FROM corral.sign_in_links WHERE hash = %(link)b RETURNING actor, role, expires_at
)
INSERT INTO corral.sessions (hash, actor, role, expires_at)
SELECT %(session)b, used.actor, used.role, now() + %(seconds)s * interval '1 second'
FROM used WHERE used.expires_at > now()
RETURNING actor, role, created_at, expires_at
"""
CREATE_SESSION = """
INSERT INTO corral.sessions (hash, actor, role, expires_at)
VALUES (%(session)b, %(actor)s, %(role)s, now() + %(seconds)s * interval '1 second')
RETURNING actor, role, created_at, expires_at
"""
FIND = """
SELECT actor, role, created_at, expires_at FROM corral.sessions WHERE hash = %(session)b AND expires_at > now()
"""
END = "DELETE FROM corral.sessions WHERE hash = %(session)b"


class SignInRows:
    """Sign-in links and sessions as rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_link(self, hash: bytes, actor: str, role: str, *, seconds: float) -> None:
        """Store a link that works once, for `seconds`.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {"hash": hash, "actor": actor, "role": role, "seconds": seconds}
        await self._database.run(CREATE_LINK, params)

    async def redeem(self, link: bytes, session: bytes, *, seconds: float) -> Session | None:
        """Turn a link into a session of that hash; None when it was used, expired or never existed.

        Raises:
            Unavailable: Postgres is away; the link may be used up.
        """
        params = {"link": link, "session": session, "seconds": seconds}
        rows = await self._database.run(REDEEM, params)
        return Session(*rows[0]) if rows else None

    async def create_session(self, session: bytes, actor: str, role: str, *, seconds: float) -> Session:
        """Begin a session for someone who has shown a key.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {"session": session, "actor": actor, "role": role, "seconds": seconds}
        return Session(*(await self._database.run(CREATE_SESSION, params))[0])

    async def find(self, session: bytes) -> Session | None:
        """The session of that hash, if it lasts.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(FIND, {"session": session})
        return Session(*rows[0]) if rows else None

    async def end(self, session: bytes) -> None:
        """End the session of that hash.

        Raises:
            Unavailable: Postgres is away.
        """
        await self._database.run(END, {"session": session})
