"""What Postgres and its driver say of a NUL character is told in plain words."""

import pytest

from corral.errors import InvalidInput
from corral.store import Store

SAID = "Postgres can't hold this value: it contains a NUL character (\\u0000)"


async def test_a_nul_is_told_by_its_name_whoever_found_it(store: Store):
    await store.queues.name(["post"])
    with pytest.raises(InvalidInput) as by_driver:  # which speaks of text fields
        await store.queues.get("\0")
    with pytest.raises(InvalidInput) as by_server:  # which speaks of an escape sequence
        await store.queues.patch("post", {"tags": ["\0"]}, "ann", defaults={})
    assert str(by_driver.value) == str(by_server.value) == SAID
