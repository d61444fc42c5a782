"""A publisher in a process of its own, and its clients."""

from uuid import UUID

import httpx2
from tests.faults.system import System
from tests.fixtures.local_system import own_port
from tests.fixtures.process import Process
from tests.fixtures.waiting import START, eventually

from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.client import Connection


class Api:
    """A publisher of the system, and a client of it."""

    def __init__(self, system: System, rig: str = "", **settings: object) -> None:
        """`settings` are the publisher's; `tree` among them is the checkout that it runs from."""
        self.system, self._settings = system, settings
        self._port = own_port()
        self._key, _ = system.client.call(
            lambda engine: KeyActions(engine.store).create("tests", Role.OPERATOR, actor="tests")
        )
        self._headers = {"Authorization": f"Bearer {self._key}"}
        self.part = self.start(rig)

    def start(self, rig: str = "") -> Process:
        settings = {"port": self._port, "web_workers": 1, "maintenance_enabled": False, **self._settings}
        self.part = self.system.part("publisher", "corral_publisher", rig, settings)
        with self.client() as client:
            eventually(
                lambda: client.get("/readyz").status_code == 200 or not self.part.alive,
                timeout=START,
                ignoring=(httpx2.TransportError,),
            )
        assert self.part.alive, self.part.tail()
        return self.part

    @property
    def connection(self) -> Connection:
        """For clients of Corral's own."""
        return Connection(f"http://127.0.0.1:{self._port}", self._key, "the test", here=True)

    def client(self) -> httpx2.Client:
        return httpx2.Client(base_url=f"http://127.0.0.1:{self._port}", headers=self._headers, timeout=60)

    def listed(self, tag: str) -> list[UUID]:
        """What a client finds that asks for its jobs, however many pages there are."""
        found: list[UUID] = []
        cursor: dict[str, str] = {}
        with self.client() as client:
            while True:
                page = (
                    client.get("/api/v1/jobs", params={"tag": tag, "limit": 200, **cursor})
                    .raise_for_status()
                    .json()
                )
                found += [UUID(item["id"]) for item in page["items"]]
                if not page["next"]:
                    return found
                cursor = {"cursor": page["next"]}
