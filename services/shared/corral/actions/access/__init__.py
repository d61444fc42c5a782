"""Who may come in, and how often: keys, signing in, roles, callers that ask too much."""
