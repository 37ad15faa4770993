"""A command run as a user does."""

import sys

from completer.cli.app import main


def as_user(monkeypatch, capsys, *command):
    """What runs `completer COMMAND`, with more words; it returns code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["completer", *command, *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
