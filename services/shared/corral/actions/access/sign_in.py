"""Signing in with a browser: a link that works once or a key becomes a session."""

from corral.actions.access.principal import Principal, Role
from corral.actions.access.secret import digest, new_secret
from corral.actions.ttl_cache import TtlCache
from corral.store import Store
from corral.store.access.sign_in import Session

LINK_SECONDS = 3600.0
"""How long a link waits for its one use."""
SESSION_SECONDS = 7 * 24 * 3600.0
TRUST_SECONDS = 5.0
"""How long a checked session is not checked again."""
MAX_LENGTH = 200


class SignIn:
    """Lets people sign in: links that work once, and sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found = TtlCache(self._ask, TRUST_SECONDS)

    async def create_link(self, actor: str, role: Role, *, seconds: float = LINK_SECONDS) -> str:
        """The secret part of a link, for `/sign-in/<secret>`."""
        secret = new_secret()
        await self._store.sign_in.create_link(digest(secret), actor, role.value, seconds=seconds)
        return secret

    async def redeem(self, link: str) -> str | None:
        """The session that a link becomes; None where it was used, has expired or never was."""
        if len(link) > MAX_LENGTH:
            return None
        session = new_secret()
        found = await self._store.sign_in.redeem(digest(link), digest(session), seconds=SESSION_SECONDS)
        return session if found is not None else None

    async def begin(self, principal: Principal) -> str:
        """A session for someone who has shown a key."""
        session = new_secret()
        await self._store.sign_in.create_session(
            digest(session), principal.name, principal.role.value, seconds=SESSION_SECONDS
        )
        return session

    async def session(self, session: str) -> Principal | None:
        """Who is signed in; None where the session has ended or never was."""
        if not session or len(session) > MAX_LENGTH:
            return None
        return await self._found.get(digest(session))

    async def end(self, session: str) -> None:
        """Sign out."""
        hashed = digest(session)
        await self._store.sign_in.end(hashed)
        self._found.forget(hashed)

    async def _ask(self, hashed: bytes) -> Principal | None:
        found = await self._store.sign_in.find(hashed)
        return None if found is None else _principal(found)


def _principal(session: Session) -> Principal:
    return Principal(session.actor, Role(session.role))
