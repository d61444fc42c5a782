"""Responses: JSON, problems with what is wrong in a request, and streams of events."""
