"""What an image needs to run as a user that it does not know; tests/images starts it as one."""

import pytest
from tests.images.belonging import IMAGES, dockerfile_of


@pytest.mark.parametrize("service", IMAGES)
def test_a_user_without_an_entry_has_a_home_and_a_name(service: str):
    text = dockerfile_of(service).read_text()
    (runtime,) = [stage for stage in text.split("\nFROM ") if stage.startswith("${BASE} AS runtime")]
    assert "HOME=/tmp" in runtime
    assert "USER=corral" in runtime
    assert "chown" not in text.split("\n# -- the image")[1], (
        "what runs belongs to root and is readable by all"
    )
