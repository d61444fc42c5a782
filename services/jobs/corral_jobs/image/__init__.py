"""`image.process`: resize, crop, turn upright and convert pictures.

from corral_jobs.image import ImageRequest, ImageOutput, process

Importing this package needs no image library: `handlers` does the work, in workers that have one.
"""

from corral_jobs.image.declaration import process
from corral_jobs.image.invalid import InvalidImage
from corral_jobs.image.request import ArtifactSource, Crop, ImageOutput, ImageRequest
from corral_jobs.image.result import ImageResult, ProcessedImage, SourceImage

__all__ = [
    "ArtifactSource",
    "Crop",
    "ImageOutput",
    "ImageRequest",
    "ImageResult",
    "InvalidImage",
    "ProcessedImage",
    "SourceImage",
    "process",
]
