"""Secrets that are shown once and stored as their hash: keys, sign-in links, sessions."""

import hashlib
import secrets


def new_secret(prefix: str = "") -> str:
    """256 random bits as URL-safe text."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is stored. No salt: 256 random bits can't be guessed from their SHA-256."""
    return hashlib.sha256(secret.encode()).digest()
