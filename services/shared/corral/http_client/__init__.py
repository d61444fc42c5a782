"""The HTTP client's parts: where the publisher is, how it is called, and the subjects of `corral.client.Client`."""
