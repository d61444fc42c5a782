"""The operator's settings. It knows nothing of Postgres, so it has a list of its own."""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from corral.errors import SettingsError
from corral.settings import sources
from corral.settings.address_parts import with_password
from corral.settings.model import Host, Password, Port, RedisUrl

_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Source: Kubernetes, service accounts, projected volume."""
_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"


def _own_namespace() -> str:
    try:
        return _NAMESPACE_FILE.read_text().strip()
    except OSError:
        return "default"


@dataclass(frozen=True, kw_only=True, config=ConfigDict(use_attribute_docstrings=True, extra="forbid"))
class OperatorSettings:
    """The operator's settings."""

    redis_url: RedisUrl = Field(repr=False)
    """The Redis or Valkey that dispatches, as redis://:password@host:6379/0, or rediss:// for TLS."""
    redis_password: Password | None = Field(default=None, repr=False)
    """The password of Redis, where its address holds none; any characters, nothing is quoted by hand."""
    namespace: Annotated[str, Field(pattern=_NAME)] = field(default_factory=_own_namespace)
    """The namespace whose pools are scaled; unset: the operator's own."""
    operator_lease: Annotated[str, Field(pattern=_NAME)] = "corral-operator"
    """The Lease that elects one of several operators. It must exist: the operator may not create it."""
    operator_name: Annotated[str, Field(pattern=_NAME)] = field(default_factory=socket.gethostname)
    """This operator's name in the Lease; unset: the host's name, which is the pod's."""
    metrics_host: Host = "127.0.0.1"
    """The address of health and metrics; 0.0.0.0 or :: is every one."""
    metrics_port: Port = 9102
    """The port of health and metrics."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severity that is logged."""
    log_format: Literal["console", "json"] = "console"
    """One line per event: for people, or for collectors."""

    def __post_init__(self) -> None:
        # From here on the address alone counts. Frozen for everybody else.
        object.__setattr__(self, "redis_url", with_password(self.redis_url, self.redis_password))

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read and check the environment, and `.env` where there is one.

        Raises:
            SettingsError: unknown names or bad values, one line for each.
        """
        return sources.read(cls, os.environ if env is None else env, None, {}, {}).settings

    @classmethod
    def load_or_exit(cls) -> Self:
        """The same; a mistake ends the process with exit code 2 and its message on stderr."""
        try:
            return cls.load()
        except SettingsError as error:
            for line in str(error).splitlines():
                sys.stderr.write(f"corral-operator: {line}\n")
            raise SystemExit(2) from error
