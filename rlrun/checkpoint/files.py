"""The files of a checkpoint: reading them as untrusted data, and syncing them to disk."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file

from rlrun.checkpoint.encode import Array
from rlrun.core.errors import RunFailed

VERSION = 2  # of the format
ARRAY_FILE = re.compile(r"(arrays|segment)-(\d{1,18})(-\d{1,18})?\.safetensors")


class CheckpointError(RunFailed):
    """A checkpoint cannot be read or written; the message is a sentence with the file's name."""


def read_manifest(path: Path) -> Any:
    """Return the body of a manifest (its second line), after checking version and checksum.

    Raises CheckpointError if it cannot be read or is damaged.
    """
    try:
        head_line, _, rest = path.read_text("ascii").partition("\n")
        head = json.loads(head_line)
        version, sha256 = head["version"], head["sha256"]
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: it is not a manifest.") from error
    if version != VERSION:
        raise CheckpointError(
            f"{path} has format version {version!r}, but this program reads version {VERSION}."
        )
    text = rest.removesuffix("\n")
    if digest(text) != sha256:
        raise CheckpointError(f"{path} is damaged: its checksum does not match.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: it is not a manifest.") from error


def read_arrays(folder: Path, name: str, sha256: str) -> dict[str, Array]:
    """Read one array file of a manifest, after checking its name and its checksum.

    Raises CheckpointError if it is missing, damaged, or not a valid name.
    """
    if not ARRAY_FILE.fullmatch(name):  # nothing outside the folder is ever opened
        raise CheckpointError(f"{folder} has a manifest that names {name!r}: not an array file.")
    path = folder / name
    try:
        if checksum(path) != sha256:
            raise CheckpointError(f"{path} is damaged: its checksum differs from the manifest.")
        return load_file(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing, but the manifest needs it.") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def synchronise(path: Path) -> None:
    """Wait until a file's contents, or a folder's entries, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
