"""Prompts of models that write edits, as they are laid out elsewhere, and their answers."""

import pytest

from models.edit_formats import Change, Situation, find_edit_format, lines_around
from models.edit_sweep import Sweep
from models.edit_zeta import Zeta1, Zeta2, Zeta21, block_bounds
from models.errors import ModelError

FORMATS = (Sweep(), Zeta1(), Zeta2(), Zeta21())
TEXT = "def area(width, h):\n    return width * h\n\nprint(area(2, 3))\n"
FORMER = TEXT.replace("(width, h)", "(w, h)")
CHANGE = Change(
    path="shapes.py",
    line=0,
    old=("def area(w, h):",),
    new=("def area(width, h):",),
    below=("    return width * h", "", "print(area(2, 3))"),
)
ASKED = Situation(
    path="shapes.py",
    text=TEXT,
    caret=TEXT.index(" * h"),
    former=FORMER,
    changes=(CHANGE,),
    files=(("other.py", "import shapes"),),
)
EMPTY = ""
DIFF = f"""\
@@ -1,4 +1,4 @@
-def area(w, h):
+def area(width, h):
     return width * h
 {EMPTY}
 print(area(2, 3))
"""

GOLDEN = {
    "sweep": """\
<|file_sep|>other.py
import shapes
<|file_sep|>shapes.py.diff
original:
def area(w, h):
    return width * h

print(area(2, 3))
updated:
def area(width, h):
    return width * h

print(area(2, 3))
<|file_sep|>original/shapes.py
def area(w, h):
    return width * h

print(area(2, 3))
<|file_sep|>current/shapes.py
def area(width, h):
    return width * h

print(area(2, 3))
<|file_sep|>updated/shapes.py
""",
    "zeta-1": f"""\
### Instruction:
You are a code completion assistant and your task is to analyze user edits and then rewrite an \
excerpt that the user provides, suggesting the appropriate edits within the excerpt, taking into \
account the cursor location.

### User Edits:

User edited shapes.py:
```diff
{DIFF}
```

### User Excerpt:

```shapes.py
<|start_of_file|>
<|editable_region_start|>
def area(width, h):
    return width<|user_cursor_is_here|> * h

print(area(2, 3))
<|editable_region_end|>

```

### Response:
""",
    "zeta-2": f"""\
<[fim-suffix]>
<[fim-prefix]><filename>other.py
import shapes

<filename>edit_history
--- a/shapes.py
+++ b/shapes.py
{DIFF}
<filename>shapes.py
<<<<<<< CURRENT
def area(width, h):
    return width<|user_cursor|> * h

print(area(2, 3))
=======
<[fim-middle]>""",
    "zeta-2.1": f"""\
<[fim-suffix]>
<[fim-prefix]><filename>other.py
import shapes

<filename>edit_history
--- a/shapes.py
+++ b/shapes.py
{DIFF}
<filename>shapes.py
<|marker_1|>
def area(width, h):
    return width<|user_cursor|> * h

print(area(2, 3))
<|marker_2|><[fim-middle]>""",
}

LONG = "".join(f"line {n}\n" + "\n" * (n % 10 == 9) for n in range(400))
LONG_ASKED = Situation(path="a.py", text=LONG, caret=LONG.index("line 200") + 2)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_prompts_are_as_the_authors_lay_them_out(form):
    assert form.prompt(ASKED) == GOLDEN[form.name]


@pytest.mark.parametrize("asked", [ASKED, LONG_ASKED], ids=["short", "long"])
@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_the_answer_that_is_drafted_makes_the_edit(form, asked):
    begin, end = form.region(asked.text, asked.caret)
    old = asked.text[begin:end]
    new = old.replace("width *", "breadth *").replace("line 201", "line two\nhundred and one")
    written = form.answer(asked, new)
    for mark in form.ends:
        written = written.partition(mark)[0]
    assert form.read(asked, written) == new != old


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_the_old_text_is_no_edit(form):
    begin, end = form.region(TEXT, ASKED.caret)
    written = form.answer(ASKED, TEXT[begin:end])
    for mark in form.ends:
        written = written.partition(mark)[0]
    assert form.read(ASKED, written) is None


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        (Sweep(), ""),
        (Zeta2(), "NO_EDITS\n"),
        (Zeta21(), "<|marker_1|><|marker_1|>"),
        (Zeta21(), "<|marker_1|>\nx\n<|marker_9|>"),
        (Zeta21(), "def area(b, h):\n"),
        (Zeta1(), "<|editable_region_start|>\na\n<|editable_region_start|>\nb\n"),
    ],
)
def test_no_edit_is_an_answer_and_nonsense_is_none(form, answer):
    assert form.read(ASKED, answer) is None


def test_marks_of_the_caret_are_left_out_of_an_answer():
    new = TEXT.replace("width *", "breadth *")
    marked = new.replace(" * h", "<|user_cursor|> * h")
    assert Zeta2().read(ASKED, marked) == new
    assert Zeta21().read(ASKED, f"<|marker_1|>\n{marked}<|marker_2|>") == new


def test_a_file_without_a_line_end_keeps_having_none():
    asked = Situation(path="a.py", text="x = 1\ny = 2", caret=0)
    for form, answer in (
        (Sweep(), "x = 3\ny = 2\n"),
        (Zeta1(), "<|editable_region_start|>\nx = 3\ny = 2\n"),
        (Zeta2(), "x = 3\ny = 2\n"),
        (Zeta21(), "<|marker_1|>\nx = 3\ny = 2\n<|marker_2|>"),
    ):
        assert form.read(asked, answer) == "x = 3\ny = 2"


def test_sweeps_window_has_ten_lines_on_both_sides():
    begin, end = Sweep().region(LONG, LONG_ASKED.caret)
    assert LONG[begin:end].count("\n") == 21
    assert LONG[begin : LONG_ASKED.caret].count("\n") == 10


def test_what_was_before_is_shown_at_the_same_lines():
    lines = [f"line {n}" for n in range(60)]
    change = Change(path="a.py", line=5, old=("line 5",), new=("one", "two"))
    now = [*lines[:5], "one", "two", *lines[6:]]
    text, former = "\n".join(now), "\n".join(lines)
    asked = Situation(
        path="a.py", text=text, caret=text.index("line 30"), former=former, changes=(change,)
    )
    prompt = Sweep().prompt(asked)
    original, current = (
        prompt.split(f"<|file_sep|>{name}/a.py\n")[1] for name in ("original", "current")
    )
    assert original.startswith("line 20\n")
    assert current.startswith("line 20\n")


def test_long_changes_are_shortened():
    long = tuple(f"{n}" for n in range(50))
    prompt = Sweep().prompt(
        Situation(path="a.py", text="", caret=0, changes=(Change(path="a.py", line=0, new=long),))
    )
    assert "\n19\n...\n31\n" in prompt


def test_blocks_begin_behind_blank_lines():
    lines = [*("a" * 6), "", "}", "b", *("c" * 30)]
    region = "".join(f"{line}\n" for line in lines)
    bounds = block_bounds(region)
    starts = [region.count("\n", 0, bound) for bound in bounds]
    assert starts == [0, 8, 24, len(lines)]


def test_lines_grow_where_there_is_room():
    text = "".join(f"{n}\n" for n in range(10))
    assert lines_around(text, 10, 4) == (8, 14)
    assert lines_around(text, 0, 8) == (0, 10)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"edit_format": "zeta-2"}, "zeta-2"),
        ({"source": "/models/sweep-next-edit-1.5b.gguf"}, "sweep"),
        ({"source": "/hub/models--zed-industries--zeta/snapshots/0123"}, "zeta-1"),
        ({"_name_or_path": "zed-industries/zeta-2.1"}, "zeta-2.1"),
        ({"source": "/models/qwen2.5-coder-1.5b"}, None),
    ],
)
def test_a_model_says_its_format_or_is_known_by_name(config, name):
    found = find_edit_format(config)
    assert (found and found.name) == name


def test_an_unknown_format_is_refused():
    with pytest.raises(ModelError, match="instinct"):
        find_edit_format({"edit_format": "instinct"})
