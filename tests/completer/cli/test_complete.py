"""The place that `completer complete` is asked about."""

from __future__ import annotations

import pytest

from completer.cli.complete import read_place
from completer.context.content import decode
from completer.errors import BadRequestError


@pytest.mark.parametrize(
    "data",
    [
        "# café\nx = 1\n".encode(),
        "# café\nx = 1\n".encode("utf-8-sig"),
        "# café\nx = 1\n".encode("latin-1"),
        "# café\r\nx = 1\r\n".encode("latin-1"),
    ],
)
def test_a_file_is_read_as_the_index_reads_it(tmp_path, data):
    file = tmp_path / "a.py"
    file.write_bytes(data)
    _, prefix, suffix = read_place(f"{file}:2:5")
    assert (prefix, suffix) == ("# café\nx = ", "1\n")
    assert prefix + suffix == decode(data)


@pytest.mark.parametrize("data", [b"\x7fELF\0\0", "x = 1\n".encode("utf-16")])
def test_what_is_no_text_is_refused(tmp_path, data):
    file = tmp_path / "a.py"
    file.write_bytes(data)
    with pytest.raises(BadRequestError, match="cannot be read as text"):
        read_place(f"{file}:1:1")
