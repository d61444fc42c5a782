"""The one way out: HTTP requests to addresses that users give, as those of webhooks, feeds and images.

Whoever gives an address must not reach with it what only Corral can reach: `url` reads the address strictly, `network`
looks at every address that the name has and connects to one of those that it looked at, `addresses` and `policy` know
which ones are fit, `decoding` and `limits` bound what comes back, and `client` does it anew for each redirect.
Nothing else opens such connections; import-linter and ruff hold it.
"""
