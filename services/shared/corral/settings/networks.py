"""Networks in CIDR form, as a setting names them."""

from ipaddress import ip_network


def networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The networks, each in its shortest spelling.

    Raises:
        ValueError: one of them is none; names it.
    """
    return tuple(str(_network(text)) for text in texts)


def _network(text: str) -> object:
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        whole = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no network in CIDR form, as 10.20.0.0/16") from None
    raise ValueError(f"{text!r} is an address within a network; the network is {whole}")
