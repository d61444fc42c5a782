"""Leadership and the periodic duties (protocol rules 22, 25 and 26)."""
