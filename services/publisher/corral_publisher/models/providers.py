"""Models of providers in the API: what is sent, and what is answered."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from corral.actions.providers import MAX_PROVIDER_REASON


class ProviderPatch(BaseModel):
    """Values of a provider. Those that are left out stay as they are; a provider of this name is made if there is none."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "values": {
                        "url": "https://api.example.com/",
                        "headers": {"X-Api-Key": "env:PROVIDER_EXAMPLE_KEY"},
                        "slots": 2,
                        "per_second": 10,
                        "per_day": 10_000,
                    }
                }
            ]
        },
    )

    values: Annotated[
        dict[str, Any],
        Field(
            description="url, headers, timeout, max_bytes, slots, transit, per_second, per_day, bytes_per_day. Null takes a value"
            " back. A header says where its secret is: env:PROVIDER_..., or file:NAME."
        ),
    ]
    reason: Annotated[str | None, Field(max_length=MAX_PROVIDER_REASON, description="For the audit.")] = None


class ProviderValuesView(BaseModel):
    """What is in force. Times are seconds; null: no limit. `headers` says where each secret is."""

    url: str
    headers: dict[str, str]
    timeout: float
    max_bytes: int
    slots: int
    transit: float
    per_second: float | None
    per_day: int | None
    bytes_per_day: float | None


class ProviderView(BaseModel):
    """A provider. `values` are in force: what code declares (`declared`) with what operators set over it (`overrides`).

    `in_use` is how many of its slots are taken, `waiting` how many jobs wait for one. `parked_until`: it asked to wait,
    and nothing is sent to it before.
    """

    name: str
    values: ProviderValuesView
    declared: dict[str, Any]
    overrides: dict[str, Any]
    set_by: str | None
    reason: str | None
    set_at: datetime | None
    in_use: float
    waiting: int
    parked_until: datetime | None


class ProviderPage(BaseModel):
    """All providers."""

    items: list[ProviderView]
    next: None = None
