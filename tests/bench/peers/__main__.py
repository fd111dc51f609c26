"""Writes docs/benchmarks.md from docs/benchmarks.json: `make bench-docs`."""

from __future__ import annotations

import json

from tests.bench.peers.page import DATA, PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(json.loads(DATA.read_text("utf-8"))), "utf-8")
