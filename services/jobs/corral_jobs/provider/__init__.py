"""`http.request`: a request to a provider, with its secrets and within what it allows.

from corral_jobs.provider import HttpRequest, request, slots

`slots` is the limit of requests under way: a job type whose handler calls a provider names it, and has a payload field
`provider`.
"""

from corral_jobs.provider.declaration import HttpRequest, HttpResult, request, slots

__all__ = ["HttpRequest", "HttpResult", "request", "slots"]
