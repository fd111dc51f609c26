"""Video files written frame by frame, and small animations for TensorBoard."""

from __future__ import annotations

import importlib
import io
from collections.abc import Generator
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
from PIL import Image

from rlrun.core.types import Array

Format: TypeAlias = Literal["mp4", "webp", "gif"]
FORMATS: tuple[Format, ...] = get_args(Format)
MOST = 2000  # frames of an animation held in memory
SMALLEST = 160  # pixels: smaller frames are enlarged
ANIMATION = (300, 200)  # most frames of a TensorBoard animation, and its longer side in pixels


class Video(Protocol):
    """A video being written."""

    def add(self, frame: Array) -> None:
        """Append a frame, uint8 ``[height, width, 3]``; all frames have the same size."""
        ...

    def close(self) -> None:
        """Finish the file; without any frame none is written."""
        ...


class Reel:
    """At most ``most`` frames in memory: once it is full, every second one is dropped.

    Frames are scaled down so that the longer side is at most ``side`` pixels.
    """

    def __init__(self, fps: float, most: int = MOST, side: int | None = None) -> None:
        self._fps, self._most, self._side = fps, most, side
        self._frames: list[Image.Image] = []
        self._stride, self._count = 1, 0

    def add(self, frame: Array) -> None:
        if self._count % self._stride == 0:
            if len(self._frames) == self._most:
                del self._frames[1::2]
                self._stride *= 2
            if self._count % self._stride == 0:
                image = Image.fromarray(frame)
                if self._side is not None:
                    image.thumbnail((self._side, self._side))
                self._frames.append(image)
        self._count += 1

    def encoded(self, kind: str) -> bytes:
        """Encode the frames as an endlessly looping ``gif`` or ``webp``."""
        first, *more = self._frames
        milliseconds = max(20, round(1000 * self._stride / self._fps))  # viewers slow shorter ones
        data = io.BytesIO()
        options: dict[str, Any] = {"quality": 80} if kind == "webp" else {"optimize": False}
        first.save(
            data, kind, save_all=True, append_images=more, duration=milliseconds, loop=0, **options
        )
        return data.getvalue()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame."""
        return self._frames[0].size

    def __len__(self) -> int:
        return len(self._frames)


class Animation:
    """An animated WebP or GIF, held in memory: long ones skip frames (see `Reel`)."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._reel = path, Reel(fps)

    def add(self, frame: Array) -> None:
        self._reel.add(_even_size(frame))

    def close(self) -> None:
        if len(self._reel):
            self._path.write_bytes(self._reel.encoded(self._path.suffix[1:]))


class Mp4:
    """An MP4 (H.264), encoded by imageio-ffmpeg as frames arrive."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, fps
        self._writer: Generator[None, Any, None] | None = None

    def add(self, frame: Array) -> None:
        frame = _even_size(frame)
        if self._writer is None:
            height, width, _ = frame.shape
            ffmpeg = importlib.import_module("imageio_ffmpeg")
            # frames have an even size already: macro_block_size=1 prevents scaling
            self._writer = ffmpeg.write_frames(
                str(self._path), (width, height), fps=self._fps, macro_block_size=1, quality=7
            )
            self._writer.send(None)
        self._writer.send(np.ascontiguousarray(frame))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def can_mp4() -> bool:
    """Return whether an MP4 encoder is installed."""
    try:
        importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return False
    return True


def usual_format() -> Format:
    """Return the default video format: MP4 if it can be encoded, else WebP."""
    return "mp4" if can_mp4() else "webp"


def open_video(path: Path, fps: float) -> Video:
    """Open a new video at ``path``, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Mp4(path, fps) if path.suffix == ".mp4" else Animation(path, fps)


def _even_size(frame: Array) -> Array:
    """Enlarge a small frame, and repeat the last row or column of one with an odd size."""
    scale = -(-SMALLEST // max(frame.shape[:2]))
    if scale > 1:
        frame = frame.repeat(scale, 0).repeat(scale, 1)
    height, width, _ = frame.shape
    if height % 2 or width % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    return frame
