"""Addresses of mails: read from one line, and written in the form that every server takes."""

from email.headerregistry import Address

from corral.errors import FieldError, InvalidInput


def read(text: str, field: str = "") -> Address:
    """The address of a text that fits `ADDRESS_PATTERN`.

    A domain that is not ASCII is written in its ASCII form (IDNA), which every server takes.

    Raises:
        InvalidInput: it is no address; names `field`.
    """
    name, bracket, rest = text.partition("<")
    spec = rest.rstrip().removesuffix(">") if bracket else text
    user, _, domain = spec.strip().rpartition("@")
    try:
        if not domain.isascii():
            import idna  # noqa: PLC0415  few addresses need it

            domain = idna.encode(domain, uts46=True).decode()
        return Address(name.strip().strip('"').strip() if bracket else "", user, domain)
    except ValueError as error:
        raise InvalidInput(FieldError(field, f"{text[:100]!r} is no address: {error}")) from error
