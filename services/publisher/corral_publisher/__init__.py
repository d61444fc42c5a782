"""Corral's publisher: the HTTP API, the pages and the process that leads maintenance."""
