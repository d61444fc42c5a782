"""Mails: what became of those of reports, and those that the mail sink caught."""
