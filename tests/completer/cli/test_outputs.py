"""What commands may write over."""

import pytest

from completer.calibration import Calibration, is_calibration, write
from completer.cli.judge import is_plot, plot
from completer.cli.outputs import check_output
from completer.errors import BadRequestError
from telemetry.report import build, is_report, write_html
from tests.telemetry.databases import make_database

JUDGED = {"model": "m", "ece": 0.1, "n": 2, "bins": [{"predicted": 0.5, "observed": 0.4}]}


def earlier_report(path):
    make_database(path.with_name("a.sqlite3"))
    write_html(build(path.with_name("a.sqlite3")), path)


KINDS = {
    "report": (earlier_report, is_report),
    "calibration": (lambda path: write(path, Calibration()), is_calibration),
    "plot": (lambda path: plot(JUDGED, path), is_plot),
}


@pytest.fixture(params=KINDS)
def kind(request):
    if request.param == "plot":
        pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    return KINDS[request.param]


def test_what_the_command_wrote_before_may_be_written_over(kind, tmp_path):
    make, is_earlier = kind
    make(tmp_path / "out")
    check_output(tmp_path / "out", "an earlier one", is_earlier, force=False)


@pytest.mark.parametrize("content", [b"", b"notes", b"<title>Mine</title>", b'{"version": 1}'])
def test_anything_else_is_kept_unless_it_is_forced(kind, tmp_path, content):
    path = tmp_path / "out"
    path.write_bytes(content)
    with pytest.raises(BadRequestError, match="is not an earlier one") as raised:
        check_output(path, "an earlier one", kind[1], force=False)
    assert "--force" in raised.value.hint
    check_output(path, "an earlier one", kind[1], force=True)
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_told_before_the_work(kind, tmp_path):
    for path in (tmp_path, tmp_path / "gone" / "out"):
        with pytest.raises(BadRequestError, match="folder"):
            check_output(path, "an earlier one", kind[1], force=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadRequestError, match="exists"):
        check_output(tmp_path / "link", "an earlier one", kind[1], force=False)


def test_a_calibration_leaves_its_neighbours_alone(tmp_path):
    (tmp_path / "out.new").write_text("mine")
    write(tmp_path / "out.json", Calibration())
    assert {path.name for path in tmp_path.iterdir()} == {"out.json", "out.new"}
    assert (tmp_path / "out.new").read_text() == "mine"
