"""Static files: vendored ones are byte for byte as published, colours can be read, scripts are ours."""

import hashlib
import json
import re

import pytest

from corral_publisher.assets import FOLDER, url

VENDOR = FOLDER / "vendor"
MANIFEST = VENDOR / "manifest.json"


def test_vendored_files_are_those_of_the_manifest():
    manifest = json.loads(MANIFEST.read_text())
    listed = {}
    for package in manifest["packages"]:
        assert package["licence"]
        assert (VENDOR / package["licence_file"]).is_file()
        for file in package["files"]:
            listed[file["file"]] = file["sha256"]
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path != MANIFEST
    }
    assert found == listed


def test_the_address_of_a_file_changes_with_its_content():
    assert re.fullmatch(r"/static/corral\.css\?v=[0-9a-f]{12}", url("corral.css"))


def test_templates_name_only_files_that_exist():
    names = set()
    for template in (FOLDER.parent / "templates").glob("*.html"):
        text = template.read_text()
        names |= set(re.findall(r"asset\('([^']+)'\)", text))
        assert not re.search(r"\son\w+=|style=|javascript:", text), template
    assert len(names) > 4
    assert all((FOLDER / name).is_file() for name in names)


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(theme: str):
    css = (FOLDER / "corral.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    found = colours(light) | (colours(dark) if theme == "dark" else {})
    states = ["queued", "scheduled", "running", "completed", "failed", "cancelled"]
    pairs = [("text", ground) for ground in ("page", "surface", "raised", "accent-soft")]
    pairs += [("muted", ground) for ground in ("page", "surface", "raised", "cancelled-soft")]
    pairs += [(name, "surface") for name in ("accent", "danger", "focus", *states)]
    pairs += [(state, f"{state}-soft") for state in states]
    pairs += [("on-accent", "accent"), ("danger", "danger-soft")]
    assert {
        (a, b): round(contrast(found[a], found[b]), 2) for a, b in pairs if contrast(found[a], found[b]) < 4.5
    } == {}
    assert contrast(found["strong-line"], found["surface"]) >= 3, "the edge of a field"
