"""What the client asks about providers; a part of `corral.client.Client`."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from corral.api_request import path_of

Json = Any


class ProviderApi(Protocol):
    """What these methods need of a client."""

    def get(self, path: str, **params: Json) -> Json:
        """GET below /api/v1."""

    def patch(self, path: str, body: Json) -> Json:
        """PATCH below /api/v1."""

    def delete(self, path: str) -> Json:
        """DELETE below /api/v1."""

    def pages(self, path: str, *, limit: int | None = None, **params: Json) -> Iterator[Json]:
        """Every item of a list."""


class ProviderCalls:
    """Providers: services of others that jobs call."""

    def providers(self: ProviderApi) -> list[Json]:
        """Every provider, by name."""
        return list(self.pages("/providers"))

    def provider(self: ProviderApi, name: str) -> Json:
        """One provider, with what it allows and what is in use."""
        return self.get(path_of("providers", name))

    def set_provider(
        self: ProviderApi, name: str, values: Mapping[str, Json], *, reason: str | None = None
    ) -> Json:
        """Set values over those that code declares, or make a provider; None takes a value back."""
        return self.patch(path_of("providers", name), {"values": dict(values), "reason": reason})

    def remove_provider(self: ProviderApi, name: str) -> None:
        """Remove a provider: jobs that call it fail."""
        self.delete(path_of("providers", name))
