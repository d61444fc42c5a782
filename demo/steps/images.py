"""System 1: a picture is uploaded and made into thumbnails."""

from demo.account import ROOT
from demo.stage import Stage

TITLE = "a picture becomes thumbnails"
PICTURE = ROOT / "examples" / "harbour.png"


def run(stage: Stage) -> None:
    """Upload the example's picture, and have two pictures made of it."""
    show = stage.account.show
    source = PICTURE.read_bytes()
    upload = (
        stage.http.post("/api/v1/uploads", params={"name": PICTURE.name}, content=source)
        .raise_for_status()
        .json()
    )
    show(
        "000-36",
        "POST /api/v1/uploads",
        f"{upload['size']:,} bytes, {upload['media_type']}",
        holds=upload["size"] == len(source),
    )
    outputs = [
        {"width": 320, "format": "webp"},
        {"width": 96, "height": 96, "resize": "fill", "format": "jpeg"},
    ]
    made = stage.post("/api/jobs", {"type": "image", "data": {"upload": upload["id"], "outputs": outputs}})
    done = stage.until_status(f"/api/jobs/{made['job_id']}", "completed", "failed")
    images = (done["result"] or {}).get("images", [])
    sizes = ", ".join(f"{one['width']}x{one['height']}" for one in images)
    show(
        "000-36 000-50 000-14",
        "image",
        f"{done['status']}: {sizes}",
        holds=len(images) == 2 and images[1]["width"] == 96,
    )
    file = stage.http.get(f"/api/v1/jobs/{made['job_id']}/artifacts/{images[1]['name']}")
    show(
        "000-36",
        "the thumbnail",
        f"{file.headers['content-type']}, {len(file.content):,} bytes",
        holds=file.content[:2] == b"\xff\xd8",
    )
