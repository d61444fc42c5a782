"""Payloads: their schema, what a publisher judges of one, and the words in which it is refused."""
