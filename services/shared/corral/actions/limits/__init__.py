"""Limits and rates: what a person does to them, and what handlers, programs and calls of providers take of them."""
