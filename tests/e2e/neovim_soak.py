"""Minutes of typing in a real Neovim: python -m tests.e2e.neovim_soak --minutes 60

Types source code key by key, with rests, and accepts, steps through, dismisses and moves as a
person might. Prints what was done, how long Neovim did not answer at most, and every error in any
log, as JSON.
"""

import argparse
import json
import os
import random
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.e2e.conftest import COMPLETER, home_of, run
from tests.lsp.editors.installed import program
from tests.lsp.editors.neovim import ROOT, Neovim

ACTIONS = {
    "<Tab>": 4,
    "<M-Right>": 4,
    "<M-End>": 2,
    "<M-]>": 2,
    "<M-[>": 1,
    "<C-]>": 2,
    "<Esc>o": 1,
    "<Left>": 1,
    "<BS>": 4,
    "<C-w>": 1,
}
EVERY = 12  # keys, about, between two actions
ERRORS = re.compile(r"\b(ERROR|Traceback|E\d{3,}:|stack traceback)")


def type_for(neovim: Neovim, seconds: float, seed: int = 1) -> tuple[Counter[str], float]:
    """Type for some time; what was done how often, and the longest wait for Neovim in ms."""
    rng, done, longest = random.Random(seed), Counter[str](), 0.0
    texts = [file.read_text() for file in sorted((ROOT / "telemetry").glob("*.py"))]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        neovim.type("<Esc>ggdGi")
        for character in rng.choice(texts)[:3000]:
            keys = {"\n": "<CR>", "<": "<lt>"}.get(character, character)
            if rng.randrange(EVERY) == 0:
                keys = rng.choices(list(ACTIONS), list(ACTIONS.values()))[0]
            began = time.monotonic()
            neovim.type(keys)
            shown = neovim.ghost is not None
            longest = max(longest, 1000 * (time.monotonic() - began))
            done["keys"] += 1
            done["shown"] += shown
            done[keys if len(keys) > 1 else "typed"] += 1
            rests = rng.random() < 1 / EVERY
            time.sleep(rng.uniform(0.5, 1.5) if rests else rng.uniform(0.02, 0.12))
            if time.monotonic() > until:
                break
    return done, longest


def errors_below(folder: Path) -> list[str]:
    """Lines that tell of errors in any log below a folder."""
    found = []
    for file in [*folder.rglob("*.log*"), *folder.rglob("log")]:
        if file.is_file():
            lines = file.read_text(errors="replace").splitlines()
            found += [f"{file.name}: {line[:200]}" for line in lines if ERRORS.search(line)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    nvim = program("nvim")
    assert nvim is not None, "Neovim is not installed: make editors"
    with tempfile.TemporaryDirectory() as name, home_of(Path(name)) as home:
        folder = Path(name)
        project = folder / "project"
        (project / ".git").mkdir(parents=True)
        (project / "app.py").write_text("")
        os.environ.update(home)
        neovim = Neovim(nvim, folder, f"{{ cmd = {{ {str(COMPLETER)!r}, 'lsp' }} }}")
        neovim.open(project / "app.py")
        done, longest = type_for(neovim, 60 * minutes)
        messages = neovim.messages
        neovim.type("<Esc>")
        neovim.close()
        report = run("report", "--json", "--db", home["COMPLETER_TELEMETRY__FOLDER"], env=home)
        outcome = {
            "minutes": minutes,
            **done,
            "longest_wait_ms": round(longest, 1),
            "acceptance": json.loads(report.stdout)["overall"]["acceptance"],
            "errors": [*errors_below(folder), *filter(ERRORS.search, messages.splitlines())],
        }
        print(json.dumps(outcome, indent=1))


if __name__ == "__main__":
    main()
