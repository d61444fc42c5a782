"""The embedded Valkey itself: how it is set, and what it forgives."""

from pathlib import Path

import redis

from corral_local.servers.root_storage import RootStorage
from corral_local.servers.valkey import EmbeddedValkey


def test_it_never_drops_a_key_to_make_room(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_persistent_one_writes_every_second(own_valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(own_valkey.url) as client:
        assert client.config_get("append*") | {"appenddirname": "", "appendfilename": ""} == {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "appenddirname": "",
            "appendfilename": "",
        }


def test_one_that_is_not_persistent_forgets(data: Path, root_storage: RootStorage) -> None:
    server = EmbeddedValkey(data, persistent=False, root_storage=root_storage)
    with server, redis.Redis.from_url(server.url) as client:
        client.set("left", "here")
    with server, redis.Redis.from_url(server.url) as client:
        assert client.dbsize() == 0


def test_settings_come_before_ours(data: Path, root_storage: RootStorage) -> None:
    server = EmbeddedValkey(
        data, settings={"databases": "40", "appendfsync": "always"}, root_storage=root_storage
    )
    with server, redis.Redis.from_url(server.url, db=39) as client:
        assert client.config_get("appendfsync") == {"appendfsync": "always"}


def test_a_file_cut_short_by_a_crash_is_read_as_far_as_it_goes(own_valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(own_valkey.url) as client:
        client.set("whole", "here")
        client.set("cut", "here")
    own_valkey.stop()
    file = next((own_valkey.home / "appendonlydir").glob("*.incr.aof"))
    file.write_bytes(file.read_bytes()[:-3])
    own_valkey.start()
    with redis.Redis.from_url(own_valkey.url) as client:
        assert client.get("whole") == b"here"
        assert client.get("cut") is None


def test_a_file_it_cannot_read_is_set_aside(own_valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(own_valkey.url) as client:
        client.set("left", "here")
        client.set("right", "here")
    own_valkey.stop()
    file = next((own_valkey.home / "appendonlydir").glob("*.incr.aof"))
    file.write_bytes(b"*what is this\r\n" + file.read_bytes())
    own_valkey.start()
    with redis.Redis.from_url(own_valkey.url) as client:
        assert client.dbsize() == 0
    aside = next(own_valkey.home.glob("appendonlydir.damaged-*"))
    assert file.name in {path.name for path in aside.iterdir()}
