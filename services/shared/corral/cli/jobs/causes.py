"""Why a job isn't running, as a terminal shows it."""

from typing import TYPE_CHECKING, Any

from rich.text import Text

from corral.http_client.api_request import path_of

if TYPE_CHECKING:
    from rich.console import Console

    from corral.client import Client


def causes_of(api: "Client", job_id: str) -> dict[str, Any]:
    """The answer of the API: the job's state, and the causes."""
    answer: dict[str, Any] = api.get(path_of("jobs", job_id, "why"))
    return answer


def print_causes(screen: "Console", answer: dict[str, Any]) -> None:
    """Print each cause in a line, and what would lift it below."""
    for cause in answer["causes"]:
        screen.print(Text(cause["message"]), soft_wrap=True)
        if cause["action"]:
            command = f": {cause['command']}" if cause["command"] else ""
            screen.print(Text(f"  → {cause['action']}{command}"), soft_wrap=True)
