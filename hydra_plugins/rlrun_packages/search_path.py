"""Adds the configuration folders of installed packages to Hydra's search path, after conf/."""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from rlrun.cli.config.packages import package_folders


class PackageFolders(SearchPathPlugin):
    """Makes ``agent=NAME`` find a file that a package ships, without --config-dir."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for name, folder in package_folders().items():
            search_path.append(provider=f"package-{name}", path=f"file://{folder}")
