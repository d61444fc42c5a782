"""What the client asks about providers; a part of `corral.client.Client`."""

from collections.abc import Mapping

from corral.http_client.api_calls import ApiCalls, Json
from corral.http_client.api_request import path_of


class ProviderCalls:
    """Providers: services of others that jobs call."""

    def providers(self: ApiCalls) -> list[Json]:
        """Every provider, by name."""
        return list(self.pages("/providers"))

    def provider(self: ApiCalls, name: str) -> Json:
        """One provider, with what it allows and what is in use."""
        return self.get(path_of("providers", name))

    def set_provider(
        self: ApiCalls, name: str, values: Mapping[str, Json], *, reason: str | None = None
    ) -> Json:
        """Set values over those that code declares, or make a provider; None takes a value back."""
        return self.patch(path_of("providers", name), {"values": dict(values), "reason": reason})

    def remove_provider(self: ApiCalls, name: str) -> None:
        """Remove a provider: jobs that call it fail."""
        self.delete(path_of("providers", name))
