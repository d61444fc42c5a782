"""The first key of a local system, and the link that signs its owner in."""

from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.store import Store
from corral_local.home import Home
from corral_local.pool.roster import ACTOR


async def admin_key(store: Store, home: Home, url: str) -> str:
    """The key in the client file, if it is still valid; else a new one. The file names `url` afterwards."""
    keys = KeyActions(store)
    key = home.client().get("key", "")
    found = await keys.find(key)
    if found is None or found.role is not Role.ADMIN:
        key, _ = await keys.create(ACTOR, Role.ADMIN, actor=ACTOR)
    home.write_client(url, key)
    return key


async def sign_in_link(store: Store, url: str) -> str:
    """A link that works once, for an hour."""
    return f"{url}/sign-in/{await SignIn(store).create_link(ACTOR, Role.ADMIN)}"
