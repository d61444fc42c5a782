"""Addresses for people: what may be a secret is masked, and of parameters everything that is not known to be none."""

from typing import Final

from corral.settings import database_address, redis_address
from corral.settings.address_parts import MASK, SECRET_PARAMETERS, AddressParts, scheme_of

_HARMLESS: Final = (database_address.NAMES | redis_address.NAMES) - SECRET_PARAMETERS


def masked_address(text: str) -> str:
    """An address with asterisks in place of what may be a secret, whether it is well-formed or not."""
    try:
        parts = AddressParts.of(text)
    except ValueError:
        scheme = scheme_of(text)
        return MASK if scheme is None else f"{scheme}://{MASK}"
    postgres = database_address.DIALECT.fullmatch(parts.scheme) is not None
    return str(parts.masked(_HARMLESS, lone_user=postgres))
