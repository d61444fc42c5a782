"""docs/reference/api.md is what the API says of itself."""

from pathlib import Path

from corral_publisher.reference import api_page

ROOT = Path(__file__).parents[3]


def test_the_api_page_is_what_the_api_says():
    page = (ROOT / "docs/reference/api.md").read_text()
    assert page == api_page(), "run make docs"
    for part in (
        "`POST /api/v1/jobs`",
        "Role: admin.",
        "urn:corral:problem:outcome-unknown",
        "`search.{field}`",
    ):
        assert part in page
