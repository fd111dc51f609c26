"""The folders of configuration files that `rlrun list` reads, without Hydra, which is slow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rlrun.cli.commands import CONFIG_DIR
from rlrun.cli.config.packages import package_folders
from rlrun.cli.config.paths import config_root
from rlrun.core.errors import BadInput


def config_folders(words: list[str]) -> list[Path]:
    """Return conf/, the folders of packages, and that of --config-dir, which is taken from words.

    Raises BadInput if there is no such folder.
    """
    folders = [config_root(), *package_folders().values()]
    for flag in CONFIG_DIR:
        if any(word.partition("=")[0] == flag for word in words):
            from rlrun.cli.verbs.arguments import option  # imported late: it imports Hydra

            own = Path(option(words, flag, "DIR") or "")
            if not own.is_dir():
                raise BadInput(f"there is no folder {own}, which {flag} names.")
            folders.append(own)
    return folders


def option_names(folders: Sequence[Path], group: str) -> list[str]:
    """Return the options of a group by the names of its files, without those that begin with _."""
    return sorted(
        {
            path.relative_to(folder / group).with_suffix("").as_posix()
            for folder in folders
            for path in (folder / group).rglob("*.yaml")
            if not path.name.startswith("_")
        }
    )


def find_file(folders: Sequence[Path], name: str) -> Path | None:
    """Return the file that Hydra reads for a name: that of the last folder; None without one."""
    found = [folder / name for folder in folders if (folder / name).is_file()]
    return found[-1] if found else None
