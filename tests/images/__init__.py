"""The three images: what is in them, how they start, what they may do."""
