"""API keys: made, shown once, checked on every request, revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.actions.access.principal import Principal, Role
from corral.actions.access.secret import digest, new_secret
from corral.actions.ttl_cache import TtlCache
from corral.errors import FieldError, InvalidInput
from corral.store import Store
from corral.store.access.api_keys import ApiKey

PREFIX = "corral_"
"""Lets people and scanners recognise a key."""
TRUST_SECONDS = 5.0
"""How long a checked key is not checked again: a revoked one works at most so much longer."""
MAX_LENGTH = 200
"""Characters; what is longer is no key of ours."""

MAX_KEY_NAME = 100
"""Characters of a key's name."""
MIN_LENGTH = 32
"""Characters of a key that was made elsewhere: too long to be a password that somebody thought of."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of a key that was made elsewhere."""

    key: ApiKey
    new: bool
    """Whether it was stored now; otherwise it was known, and may have been revoked."""
    replaced: int
    """Other keys of that name that were revoked now."""


class KeyActions:
    """Makes, checks and revokes API keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found = TtlCache(self._ask, TRUST_SECONDS)

    async def create(
        self, name: str, role: Role, *, actor: str, key: str | None = None
    ) -> tuple[str, ApiKey]:
        """A new key, which nobody can read again, and what is stored of it.

        `key` is the key itself where it was made before: 256 random bits.

        Raises:
            InvalidInput: the name is none.
        """
        _check_name(name)
        secret = key or new_secret(PREFIX)
        return secret, await self._store.keys.create(name, role.value, digest(secret), actor)

    async def adopt(self, key: str, name: str, role: Role, *, actor: str, replace: bool = False) -> Adopted:
        """Let in a key that was made elsewhere; may be repeated. A revoked one stays revoked.

        `replace`: the other keys of that name are revoked, unless this one is.

        Raises:
            InvalidInput: it is no key: too short, too long, or not made of printable ASCII; or the name is none.
        """
        _check_name(name)
        if (
            not MIN_LENGTH <= len(key) <= MAX_LENGTH
            or not (key.isascii() and key.isprintable())
            or " " in key
        ):
            raise InvalidInput(
                FieldError(
                    "",
                    f"the key has {len(key)} characters; it must be {MIN_LENGTH} to {MAX_LENGTH} printable "
                    "ASCII ones without blanks, such as `openssl rand -hex 32` prints",
                )
            )
        stored, new, replaced = await self._store.keys.adopt(
            name, role.value, digest(key), actor, replace=replace
        )
        return Adopted(stored, new, replaced)

    async def find(self, key: str) -> Principal | None:
        """The stored key that this text is; None where no such key exists or it was revoked."""
        if not key or len(key) > MAX_LENGTH:
            return None
        return await self._found.get(digest(key))

    async def list(self) -> Sequence[ApiKey]:
        """Every key, revoked ones included."""
        return await self._store.keys.list()

    async def revoke(self, key_id: UUID, *, actor: str) -> ApiKey:
        """Revoke a key: within a few seconds no publisher accepts it any more.

        Raises:
            NotFound: there is no such key.
        """
        return await self._store.keys.revoke(key_id, actor)

    async def _ask(self, hashed: bytes) -> Principal | None:
        found = await self._store.keys.find(hashed)
        return None if found is None else Principal(found.name, Role(found.role))


def _check_name(name: str) -> None:
    """Refuse a name that nobody could tell from another one in a list or in the audit."""
    if not name.strip() or len(name) > MAX_KEY_NAME or not name.isprintable():
        raise InvalidInput(
            FieldError(
                "/name", f"is not 1 to {MAX_KEY_NAME} printable characters; whose key it is, as ci or anna"
            )
        )
