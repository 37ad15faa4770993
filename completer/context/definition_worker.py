"""The process that parses what strangers wrote; `DefinitionReader` starts it.

Its arguments are how many seconds of processor time one file may take, and after how many seconds
without work it ends. One JSON object a line comes in, with `text` and `language`; a list of
definitions goes out.
"""

import json
import sys
from dataclasses import astuple

from completer.context.definitions import definitions
from completer.context.worker_process import answer, questions

_MOST_MEMORY = 2 << 30


def main(most_cpu_s: float, idle_s: float) -> None:
    """Answer until nobody asks any more."""
    for line in questions(most_cpu_s, idle_s, _MOST_MEMORY):
        request = json.loads(line)
        found = definitions(request["text"], request["language"])
        answer(json.dumps([astuple(item) for item in found]).encode())


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
