"""The configuration folders of installed packages: the entry-point group ``rlrun.conf``.

They are read like conf/, and never written. The packages are not imported to find them.
"""

from __future__ import annotations

import importlib.util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from rlrun.cli.config.paths import config_root
from rlrun.core.errors import BadInput

GROUP = "rlrun.conf"


def package_folders() -> dict[str, Path]:
    """Return the configuration folders of other packages, by the name of their entry point.

    Raises BadInput for a folder that does not exist, and for a file whose name rlrun or another
    package has too: it would depend on the order of the folders which of them is read.
    """
    folders: dict[str, Path] = {}
    owners: dict[Path, str] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        folder = folders[point.name] = _folder(point)
        for path in sorted(folder.rglob("*.yaml")):
            name = path.relative_to(folder)
            other = "rlrun" if (config_root() / name).is_file() else owners.get(name)
            if other is not None:
                raise BadInput(
                    f"{path} has the same name as a file of {other}: rename it, or uninstall the "
                    f"package {_package(point)}. Only a folder given with --config-dir may replace "
                    "files."
                )
            owners[name] = _package(point)
    return folders


def _folder(point: EntryPoint) -> Path:
    """Return the folder of an entry point such as ``my_agents.conf``: the conf in my_agents."""
    top, *inner = point.value.split(".")
    spec = importlib.util.find_spec(top) if top.isidentifier() else None
    for place in (spec and spec.submodule_search_locations) or ():
        if Path(place, *inner).is_dir():
            return Path(place, *inner)
    raise BadInput(
        f"the package {_package(point)} has no configuration folder {point.value}, which its entry "
        f"point {GROUP} names: write PACKAGE.conf for the folder conf inside the package."
    )


def _package(point: EntryPoint) -> str:
    """Return the name of the distribution that an entry point belongs to."""
    return point.name if point.dist is None else point.dist.name
