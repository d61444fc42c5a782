"""Lua scripts, sent by their hash and again in full when the server has forgotten them."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from corral.dispatch import key_names
from corral.job.lane import lanes_of

_NAMES = {
    name.lower(): value
    for name, value in vars(key_names).items()
    if name.isupper() and isinstance(value, str)
}


class ScriptEffect(StrEnum):
    """What a script does to the memory of Redis, as the first line of the script."""

    FILLS = "#!lua"
    """It may add to Redis' memory: refused when Redis has none left."""
    FREES = "#!lua flags=allow-oom"
    """It frees memory, or adds very little: runs even when Redis has none left."""
    READS = "#!lua flags=no-writes"
    """It only reads: runs even when Redis has no memory left, and on a server that takes no writes."""


RINGS = "rings"
"""The functions that scripts about limits share."""


def _text(name: str, effect: ScriptEffect, further: Sequence[str]) -> str:
    """The script `lua/<name>.lua` with the key names and the shared functions in front of it.

    A script with a first line of flags is refused as a whole where it may not run, so none is left half done.
    """
    table = ", ".join(f"{key} = '{value}'" for key, value in sorted(_NAMES.items()))
    folder = files("corral.dispatch") / "lua"
    suffixes = ", ".join(f"'{lane.name}'" for lane in lanes_of(""))
    shared = (folder / "shared.lua").read_text("utf-8")
    for one in further:
        shared += "\n" + (folder / f"{one}.lua").read_text("utf-8")
    body = (folder / f"{name}.lua").read_text("utf-8")
    return f"{effect}\nlocal KEY = {{{table}}}\nlocal SUFFIXES = {{{suffixes}}}\n{shared}\n{body}"


class Script:
    """One script of `lua/`. Survives SCRIPT FLUSH, a restart and a failover of the server."""

    def __init__(
        self, name: str, effect: ScriptEffect, *, rings: bool = False, shared: str | None = None
    ) -> None:
        """`shared` names a file of functions that stands before it, beside those of all."""
        self._text = _text(name, effect, [*([RINGS] if rings else []), *([shared] if shared else [])])
        self._hash = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, arguments: Sequence[bytes | str | int]) -> Any:
        """Run the script with these arguments; it builds its keys itself, from the names in KEY.

        Raises:
            redis.exceptions.RedisError: whatever the server or the connection says.
        """
        try:
            return await redis.evalsha(self._hash, 0, *arguments)
        except NoScriptError:
            return await redis.eval(self._text, 0, *arguments)
