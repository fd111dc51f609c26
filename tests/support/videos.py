"""Reading videos back."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from rlrun.core.types import Array


def animation(data: bytes) -> list[Array]:
    image = Image.open(io.BytesIO(data))
    shown = []
    for frame in range(getattr(image, "n_frames", 1)):
        image.seek(frame)
        shown.append(np.array(image.convert("RGB")))
    return shown
