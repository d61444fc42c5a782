"""Models that have a choice between fields."""

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


class Picked(BaseModel):
    """One of two fields, as pictures have them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [
                {"properties": {name: {"type": "string"}}, "required": [name]} for name in ("upload", "url")
            ]
        },
    )

    upload: str | None = None
    url: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.upload is None) == (self.url is None):
            raise ValueError("one of upload and url is needed")
        return self


class Written(BaseModel):
    """One of two fields or both, as mails have them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "anyOf": [
                {"properties": {name: {"type": "string"}}, "required": [name]} for name in ("body", "html")
            ]
        },
    )

    body: str | None = None
    html: str | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.body is None and self.html is None:
            raise ValueError("body or html is needed")
        return self
