"""Lua scripts, sent by their hash and again in full when the server has forgotten them."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from corral.dispatch import keys
from corral.job.lane import lanes_of

_NAMES = {
    name.lower(): value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)
}


def _text(name: str, *, allow_oom: bool) -> str:
    """The script `lua/<name>.lua` with the key names and the shared functions in front of it.

    A script with a first line of flags is refused as a whole when Redis is out of memory,
    so none is left half done; those that free memory are allowed to run all the same.
    """
    flags = "#!lua flags=allow-oom" if allow_oom else "#!lua"
    table = ", ".join(f"{key} = '{value}'" for key, value in sorted(_NAMES.items()))
    folder = files("corral.dispatch") / "lua"
    suffixes = ", ".join(f"'{lane.name}'" for lane in lanes_of(""))
    shared = (folder / "shared.lua").read_text("utf-8")
    body = (folder / f"{name}.lua").read_text("utf-8")
    return f"{flags}\nlocal KEY = {{{table}}}\nlocal SUFFIXES = {{{suffixes}}}\n{shared}\n{body}"


class Script:
    """One script of `lua/`. Survives SCRIPT FLUSH, a restart and a failover of the server."""

    def __init__(self, name: str, *, allow_oom: bool = False) -> None:
        self.name = name
        self._text = _text(name, allow_oom=allow_oom)
        self._hash = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, arguments: Sequence[bytes | str | int]) -> Any:
        """Run it with these ARGV; keys are built inside from KEY.

        Raises:
            redis.exceptions.RedisError: whatever the server or the connection says.
        """
        try:
            return await redis.evalsha(self._hash, 0, *arguments)
        except NoScriptError:
            return await redis.eval(self._text, 0, *arguments)
