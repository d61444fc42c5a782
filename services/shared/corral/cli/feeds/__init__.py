"""Feeds: followed, fetched and searched."""
