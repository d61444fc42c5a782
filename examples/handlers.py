"""What only workers import: the code that does the work. `CORRAL_HANDLERS=handlers` names it."""

from corral.context import Context
from jobs import Welcome, welcome


@welcome.handler
async def send_welcome(who: Welcome, ctx: Context) -> str:
    """Write the greeting."""
    ctx.progress(50, "writing")
    return {"de": "Hallo", "fr": "Bonjour"}.get(who.language, "Hello") + f", {who.name}!"
