"""Limits as they are declared: how many run, how many start, what they count by, and what a payload takes of them."""
