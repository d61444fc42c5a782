"""Scripts know keys by the names of keys.py: a name that is missing there is found out only when its line runs."""

import re
from importlib.resources import files

from corral.dispatch import key_names


def test_every_key_that_a_script_names_exists():
    named = {
        (script.name, name)
        for script in (files("corral.dispatch") / "lua").iterdir()
        for name in re.findall(r"\bKEY\.(\w+)", script.read_text("utf-8"))
    }
    assert len(named) > 50
    assert [
        (script, name)
        for script, name in sorted(named)
        if not isinstance(getattr(key_names, name.upper(), None), str)
    ] == []
