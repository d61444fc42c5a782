"""The handler of `image.process`. Runs in a process: decoding takes a processor for seconds, and memory."""

import hashlib

from corral.context import Context
from corral.errors import Discard
from corral_jobs.image.declaration import process
from corral_jobs.image.format import PLAIN
from corral_jobs.image.invalid import InvalidImage
from corral_jobs.image.request import ImageRequest
from corral_jobs.image.result import ImageResult, ProcessedImage, SourceImage
from corral_jobs.image.source import read, stem_of


@process.handler
async def do_process(request: ImageRequest, ctx: Context) -> ImageResult:
    """Make the pictures and keep each as an artifact under its name."""
    try:
        return await _process(request, ctx)
    except InvalidImage as error:
        raise Discard(str(error)) from error


async def _process(request: ImageRequest, ctx: Context) -> ImageResult:
    from corral_jobs.image.picture import Picture  # noqa: PLC0415  only children that process pictures load the library

    ctx.progress(0, "reading the source")
    source = await read(request, ctx)
    picture = Picture(source.data)
    made: list[ProcessedImage] = []
    taken = {output.name for output in request.outputs}
    for number, output in enumerate(request.outputs):
        ctx.progress(
            10 + 90 * number / len(request.outputs), f"picture {number + 1} of {len(request.outputs)}"
        )
        one = picture.make(
            output,
            output.format or PLAIN[picture.format],
            crop=request.crop,
            animation=request.animation,
            keep_metadata=request.keep_metadata,
        )
        width, height = one.size
        name = output.name or _free(f"{stem_of(source.name)}-{width}x{height}", one.written.suffix, taken)
        taken.add(name)
        await ctx.artifacts.put(name, one.data, one.written.media_type)
        made.append(
            ProcessedImage(
                name=name,
                media_type=one.written.media_type,
                width=width,
                height=height,
                frames=one.frames,
                size_bytes=len(one.data),
                sha256=hashlib.sha256(one.data).hexdigest(),
                dominant_color=one.color,
            )
        )
    ctx.progress(100, "done")
    return ImageResult(
        source=SourceImage(
            format=picture.format,
            width=picture.size.width,
            height=picture.size.height,
            frames=picture.frames,
            size_bytes=len(source.data),
        ),
        images=made,
    )


def _free(stem: str, suffix: str, taken: set[str | None]) -> str:
    """`stem.suffix`, numbered where that name is taken."""
    name, number = f"{stem}.{suffix}", 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}.{suffix}"
    return name
