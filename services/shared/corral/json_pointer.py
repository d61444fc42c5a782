"""Parts of JSON pointers. Source: RFC 6901, section 3."""


def escaped(part: str) -> str:
    """A key as part of a pointer."""
    return part.replace("~", "~0").replace("/", "~1")


def unescaped(part: str) -> str:
    """The key that a part of a pointer stands for."""
    return part.replace("~1", "/").replace("~0", "~")
