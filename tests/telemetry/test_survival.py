"""What became of accepted text at each window, on a clock that the test turns."""

import os

import pytest

from telemetry.events import (
    Accepted,
    BranchChanged,
    DocumentClosed,
    DocumentDeleted,
    DocumentOpened,
    DocumentRenamed,
    DocumentReset,
)
from telemetry.survival import WINDOWS_S
from tests.telemetry.conftest import Editor

CHECKS = (
    "SELECT window_s, state, method, init_len, cur_len, lev, lex_dist, lex_len, arc, ws_only "
    "FROM survival_named ORDER BY window_s"
)
STATES = "SELECT window_s, state FROM survival_named ORDER BY window_s"


def accept(editor, text="return total"):
    editor.offer(text)
    editor.write(text)


def checks(editor):
    return {row[0]: row[1:] for row in editor.all(CHECKS)}


def states(editor):
    return dict(editor.all(STATES))


def test_untouched_text_survives_at_every_window(editor):
    accept(editor)
    for earlier, later in zip((0, *WINDOWS_S), WINDOWS_S, strict=False):
        editor.wait(later - earlier)
    rows = editor.all("SELECT window_s, actual_s, state, lev, arc, four_gram FROM survival_named")
    assert rows == [(w, float(w), "ok", 0, 12, 1.0) for w in WINDOWS_S]


def test_each_window_sees_the_document_as_it_was_then(editor):
    accept(editor)
    editor.wait(20)
    editor.edit((7, "total", "price"))  # after the check at 15 s, before that at 30 s
    editor.wait(20)
    # "total" to "price": five substitutions of twelve units; one lexeme of two; seven units stay
    assert checks(editor)[15] == ("ok", "tracked", 12, 12, 0, 0, 2, 12, 0)
    # the span ends with its last kept character, the blank: five deletions
    assert checks(editor)[30] == ("ok", "tracked", 12, 7, 5, 1, 2, 7, 0)


def test_checks_that_are_due_come_before_an_edit_that_comes_later(editor):
    accept(editor)
    editor.now_ms += 15_500  # the ledger wakes up late, with the edit
    editor.edit((0, editor.text, ""))
    editor.wait(20)
    assert states(editor) == {0: "ok", 15: "ok", 30: "removed"}


def test_removed_text_is_as_far_away_as_it_is_long(editor):
    accept(editor)
    editor.edit((0, editor.text, ""))
    editor.wait(15)
    assert checks(editor)[15] == ("removed", "tracked", 12, 0, 12, 2, 2, 0, 0)


def test_only_white_space_changed(editor):
    accept(editor, "a=b")
    editor.edit((1, "", " "), (3, "", " "))
    editor.wait(15)
    assert checks(editor)[15] == ("ok", "tracked", 3, 5, 2, 0, 3, 3, 1)


def test_lengths_are_utf16_units(editor):
    accept(editor, "x = '😀'")
    editor.edit((5, "😀", "é"))
    editor.wait(15)
    # eight units; the astral character's two become one: a substitution and a deletion
    assert checks(editor)[15][2:5] == (8, 7, 2)


def test_after_missed_edits_the_text_is_searched_near_then_far(editor):
    accept(editor)
    editor.recorder.record(DocumentReset(editor.uri, 9, "# moved\n" + editor.text))
    editor.wait(15)
    assert checks(editor)[15][:2] == ("ok", "fuzzy_near")
    assert checks(editor)[15][7] == 12
    editor.recorder.record(DocumentReset(editor.uri, 10, "#\n" * 100 + "return total"))
    editor.wait(15)
    # farther than an edit would have left it: found, and yet moved
    assert checks(editor)[30][:2] == ("ok", "fuzzy_far")
    assert checks(editor)[30][7] == 0


def test_text_that_a_reset_no_longer_has_is_removed(editor):
    accept(editor)
    editor.recorder.record(DocumentReset(editor.uri, 9, "import os"))
    editor.wait(15)
    assert states(editor)[15] == "removed"


@pytest.fixture
def on_disk(tmp_path):
    """An editor whose document is a file."""
    file = tmp_path / "w" / "a.py"
    file.parent.mkdir()
    editor = Editor(tmp_path / "telemetry", file.as_uri(), str(file.parent))
    accept(editor)
    file.write_text(editor.text)
    yield editor, file
    editor.recorder.close()


def test_a_closed_documents_file_is_read_at_the_time_of_the_check(on_disk):
    editor, file = on_disk
    editor.recorder.record(DocumentClosed(editor.uri))
    editor.wait(15)
    file.write_text("import os\n\n" + "return total_price\n")
    editor.wait(15)
    found = checks(editor)
    assert found[15][:2] == ("doc_closed_disk", "disk_fuzzy")
    assert found[15][4] == 0
    assert found[30][:2] == ("doc_closed_disk", "disk_fuzzy")


def test_text_that_the_file_no_longer_has_is_not_found(on_disk):
    editor, file = on_disk
    editor.recorder.record(DocumentClosed(editor.uri))
    file.write_text("import os\n")
    editor.wait(15)
    assert checks(editor)[15] == ("not_found", "disk_fuzzy", 12, 0, 12, 2, 2, 0, 0)


def test_a_file_that_is_gone_censors(on_disk):
    editor, file = on_disk
    editor.recorder.record(DocumentClosed(editor.uri))
    file.unlink()
    editor.wait(15)
    assert states(editor)[15] == "censored_deleted"
    assert checks(editor)[15][3:] == (None,) * 6


def test_a_deleted_document_censors_even_if_its_file_comes_back(on_disk):
    editor, _ = on_disk
    editor.recorder.record(DocumentDeleted(editor.uri))
    editor.wait(15)
    assert states(editor)[15] == "censored_deleted"


def test_a_renamed_document_is_followed(on_disk):
    editor, file = on_disk
    renamed = file.with_name("b.py")
    file.rename(renamed)
    editor.recorder.record(DocumentRenamed(editor.uri, renamed.as_uri()))
    editor.uri = renamed.as_uri()
    editor.edit((0, "return ", ""))
    editor.wait(15)
    assert checks(editor)[15][:2] == ("ok", "tracked")
    assert checks(editor)[15][3] == 5
    editor.recorder.record(DocumentClosed(editor.uri))
    editor.wait(15)
    assert states(editor)[30] == "doc_closed_disk"


def test_another_branch_censors(editor):
    accept(editor)
    editor.recorder.record(BranchChanged("/w"))
    editor.wait(15)
    assert states(editor)[15] == "censored_branch"
    assert editor.one("SELECT branch_changed FROM survival WHERE window_s = 15") == (1,)


def test_a_document_opened_again_is_not_lost(on_disk):
    editor, _ = on_disk
    editor.recorder.record(DocumentClosed(editor.uri))
    editor.open()
    editor.wait(15)
    assert states(editor)[15] == "ok"


def test_the_end_of_the_process_censors_what_is_still_to_come(editor):
    accept(editor)
    editor.wait(16)
    editor.recorder.close()
    from tests.telemetry.databases import rows

    left = dict(rows(editor.recorder.path, STATES))
    assert left == {0: "ok", 15: "ok", **dict.fromkeys(WINDOWS_S[2:], "censored_restart")}


def test_an_http_clients_acceptance_is_checked_in_the_workspace(tmp_path):
    (tmp_path / "w").mkdir()
    file = tmp_path / "w" / "a.py"
    file.write_text("import os\n\ndef f():\n    return total\n")
    editor = Editor(tmp_path / "telemetry", str(file), str(tmp_path / "w"))
    editor.recorder.record(DocumentClosed(editor.uri))  # HTTP: no document, no edits
    suggestion = editor.offer("return total")
    assert editor.recorder.record(Accepted(suggestion)).result(5)
    editor.wait(15)
    assert checks(editor)[15] == ("doc_closed_disk", "disk_fuzzy", 12, 12, 0, 0, 2, 12, 0)
    editor.recorder.close()


def test_an_http_clients_file_outside_the_workspace_is_not_read(tmp_path):
    (tmp_path / "w").mkdir()
    file = tmp_path / "a.py"
    file.write_text("return total")
    editor = Editor(tmp_path / "telemetry", str(file), str(tmp_path / "w"))
    editor.recorder.record(DocumentClosed(editor.uri))
    assert editor.recorder.record(Accepted(editor.offer("return total"))).result(5)
    editor.wait(15)
    assert states(editor)[15] == "censored_desync"
    editor.recorder.close()


def test_a_file_is_compared_with_the_text_that_its_document_had(on_disk):
    editor, file = on_disk
    editor.recorder.record(DocumentClosed(editor.uri, editor.text + "\nreturn totals"))
    file.write_text("return totals")
    editor.wait(15)
    assert states(editor)[15] == "not_found"


def test_a_document_that_was_changed_while_closed_is_followed_again(on_disk):
    editor, _ = on_disk
    editor.recorder.record(DocumentClosed(editor.uri, editor.text))
    editor.recorder.record(DocumentOpened(editor.session, editor.uri, 9, text="x\n" + editor.text))
    editor.wait(15)
    assert checks(editor)[15][:2] == ("ok", "tracked")


def test_an_http_clients_file_that_was_not_saved_since_censors(tmp_path):
    (tmp_path / "w").mkdir()
    file = tmp_path / "w" / "a.py"
    file.write_text("import os\n")
    os.utime(file, (1_600_000_000, 1_600_000_000))
    editor = Editor(tmp_path / "telemetry", str(file), str(tmp_path / "w"))
    editor.recorder.record(DocumentClosed(editor.uri))
    assert editor.recorder.record(Accepted(editor.offer("return total"))).result(5)
    editor.wait(15)
    assert states(editor)[15] == "censored_unsaved"
    os.utime(file)
    editor.wait(15)
    assert states(editor)[30] == "not_found"
    editor.recorder.close()
