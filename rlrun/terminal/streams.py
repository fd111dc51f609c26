"""Standard output and error that never end a command: what cannot be written is dropped.

A terminal may be closed, a pipe's reader may have left (`| head`), the disk of a log file may be
full, and an encoding may lack a character. None of that is a reason to lose a run.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from rlrun.core.text import UNCHANGED

USUAL = (errno.EPIPE, errno.EBADF, errno.EIO)  # the stream has no reader, which is usual


class _Dropping(io.RawIOBase):
    """Passes bytes to a file, and drops those that the file does not accept."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.failure: OSError | None = None

    @property
    def name(self) -> str:
        return str(self._file.name)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def write(self, data: Any, /) -> int:
        try:
            while (count := self._file.write(data)) is None:
                select.select([], [self._file], [])  # it is full for the moment
        except OSError as error:
            self.failure = error
            return len(data)
        return count


@contextlib.contextmanager
def dropping() -> Iterator[None]:
    """Replace standard output and error, inside the block, by streams whose writing never fails.

    A stream that was closed before the program started goes nowhere. Streams in memory, as in
    notebooks and tests, are not replaced. At the end a full disk is reported if it took some of
    the output.
    """
    _open_missing()
    before = sys.stdout, sys.stderr
    files = [_file(stream, number) for number, stream in enumerate(before, 1)]
    raws = [None if file is None else _Dropping(file) for file in files]
    out, err = map(_text, raws, before)
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        for stream in (out, err):
            if not stream.closed:
                stream.flush()
        failure = None if raws[0] is None else raws[0].failure
        if failure is not None and failure.errno not in USUAL:
            why = failure.strerror
            print(f"rlrun: part of the output could not be written: {why}.", file=err, flush=True)
        sys.stdout, sys.stderr = before


def _open_missing() -> None:
    """Open /dev/null for the standard streams that are closed, so that no file gets their numbers.

    A library that prints would write into such a file.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number


def _file(stream: TextIO | None, number: int) -> io.FileIO | None:
    """Return the file that a stream writes to; None if there is no file, or it is replaced."""
    if stream is None:
        return io.FileIO(number, "w", closefd=False)
    buffer = getattr(stream, "buffer", None)  # with python -u it is the file itself
    raw = getattr(buffer, "raw", buffer)
    return raw if isinstance(raw, io.FileIO) else None


def _text(raw: _Dropping | None, stream: TextIO | None) -> TextIO:
    """Return a stream of text with the properties of ``stream``, on ``raw`` if there is one."""
    if raw is None:
        assert stream is not None
        return stream
    if stream is not None:
        with contextlib.suppress(OSError):
            stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8" if stream is None else stream.encoding,
        errors=UNCHANGED,
        newline="\n",
        line_buffering=True if stream is None else bool(getattr(stream, "line_buffering", True)),
        write_through=bool(getattr(stream, "write_through", False)),
    )
