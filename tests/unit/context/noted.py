"""A link of a context that notes what it is told."""

from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.fixtures.claimed import claimed_job


class Noted:
    """A line that notes what arrives."""

    cancelled = False

    def __init__(self) -> None:
        self.said: list[Any] = []

    def progress(self, percent: int, message: str | None) -> None:
        self.said.append((percent, message))

    def log(self, text: str, fields: dict[str, Any]) -> None:
        self.said.append((text, fields))

    def checkpoint(self, value: str) -> None:
        self.said.append(value)

    def submit(self, job_type: str, payload: str, options: Any) -> UUID:
        self.said.append((job_type, payload, options))
        return UUID(int=1)

    def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        self.said.append((name, media_type, data))

    def publish(self, name: str) -> None:
        self.said.append(name)

    def get(self, name: str) -> bytes | None:
        self.said.append(name)
        return None

    def statistics(self) -> list[Any]:
        return []


CLAIMED = claimed_job(id=UUID(int=7), attempt=3)


class Word(StrEnum):
    A = "a word"


class Number(int):
    pass
