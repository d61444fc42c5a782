"""The terminal: what commands read of their arguments, what they print, and how they end."""
