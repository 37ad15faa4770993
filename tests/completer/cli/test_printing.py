"""How far a command is, where nobody looks at a terminal."""

from completer.cli.printing import progress


def test_a_file_gets_a_line_a_tenth(capsys):
    with progress("spans") as advance:
        for done in range(1, 31):
            advance(done, 30)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "completer: 3 of 30 spans"
    assert lines[-1] == "completer: 30 of 30 spans"
    assert len(lines) == 10
