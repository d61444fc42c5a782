"""The steps of a demo, in their order. Each is a module here with a TITLE and `run(stage)`.

A step does what a user of the replaced system would do, over HTTP, and calls `stage.account.show` for what it saw.
"""

from typing import Final

STEPS: Final = {
    "mail": ("000",),
    "images": ("000",),
    "notify": ("000",),
    "storm": ("000",),
    "reports": ("001",),
    "crash": ("001",),
    "retry": ("001",),
    "typed": ("002",),
    "areas": ("003",),
    "feeds": ("004",),
    "operate": ("000", "001", "002", "003", "004"),
}
"""Each step by its name, with the replaced systems whose promises it looks at. `make demo STEP=name` runs one."""
