"""Who may do what, and who did it: API keys, signing in, the audit log."""
