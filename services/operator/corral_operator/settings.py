"""The operator's settings. It knows nothing of Postgres, so it has a list of its own."""

import socket
from dataclasses import field
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from corral.settings.loadable import Loadable
from corral.settings.value_types import Host, LogFormat, LogLevel, Password, Port, RedisUrl, matching
from corral_operator.cluster.pool_selector import PoolSelector

_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Source: Kubernetes, service accounts, projected volume."""
_Name = Annotated[
    str,
    matching(
        r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$",
        "1 to 253 lower-case letters, digits, - and ., with a letter or a digit at both ends",
    ),
]


def _own_namespace() -> str:
    try:
        return _NAMESPACE_FILE.read_text().strip()
    except OSError:
        return "default"


def _selector(text: str) -> str:
    """The text, if it is a label selector."""
    return PoolSelector.of(text).text


@dataclass(frozen=True, kw_only=True, config=ConfigDict(use_attribute_docstrings=True, extra="forbid"))
class OperatorSettings(Loadable):
    """The operator's settings, read and checked as those of the other services are."""

    program: ClassVar[str] = "corral-operator"

    redis_url: RedisUrl = Field(repr=False)
    """The Redis or Valkey that dispatches, as redis://:password@host:6379/0, or rediss:// for TLS."""
    redis_password: Password | None = Field(default=None, repr=False)
    """The password of Redis, where its address holds none; any characters, nothing is quoted by hand."""
    namespace: _Name = field(default_factory=_own_namespace)
    """The namespace whose pools are scaled; unset: the operator's own."""
    operator_lease: _Name = "corral-operator"
    """The Lease that elects one of several operators. The operator creates it where it is missing."""
    pool_selector: Annotated[str, AfterValidator(_selector)] = ""
    """The labels of the pools that are scaled, as a label selector; unset: all of the namespace."""
    operator_name: _Name = field(default_factory=socket.gethostname)
    """This operator's name in the Lease; unset: the host's name, which is the pod's."""
    metrics_host: Host = "127.0.0.1"
    """The address of health and metrics; 0.0.0.0 or :: is every one."""
    metrics_port: Port = 9102
    """The port of health and metrics."""
    log_level: LogLevel = "info"
    """The least severity that is logged."""
    log_format: LogFormat = "console"
    """One line per event: for people, or for collectors."""

    def __post_init__(self) -> None:
        self._complete_redis(self.redis_url, self.redis_password)
