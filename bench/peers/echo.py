"""The job of stock RQ: it does nothing and gives its payload back."""


def echo(payload: dict[str, object]) -> dict[str, object]:
    return payload
