"""What is laid out of windows; that real ones are thin is seen in `tests/e2e/`."""

import os
from pathlib import Path

from benchmarks.windows import _cpu_ms, _megabytes, home, table


def test_a_process_is_looked_at():
    assert _megabytes(os.getpid(), "Rss") >= _megabytes(os.getpid(), "Pss") > 1
    assert _cpu_ms(os.getpid()) > 0


def test_a_home_is_its_own():
    with home() as environment:
        folder = Path(environment["XDG_RUNTIME_DIR"])
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_the_table_has_a_row_for_each():
    row = {
        "kind": "thin", "windows": 3, "start_ms": 1, "start_cpu_ms": 1, "engines": 1,
        "server_mb": 70, "all_mb": 700, "all_proportional_mb": 600,
    }  # fmt: skip
    assert table({"results": [row, row]}).row_count == 2
