"""A run that may kill itself, in a process of its own, and the comparison of two runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.soak.__main__ import work
from tests.soak.compare import unlike
from tests.soak.kill import Killer
from tests.support.common import settings

if __name__ == "__main__":
    what, folder, number, *words = sys.argv[1:]
    if what == "unlike":
        print(json.dumps(unlike(Path(folder), Path(number))))
    else:
        killer = Killer("learning", int(number)) if int(number) else Killer()
        work(settings(*words), Path(folder), killer, None)
