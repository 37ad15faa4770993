"""Sweep's next-edit models: the lines around the caret are written anew, between `<|file_sep|>`."""

from models.edit_formats import Change, EditFormat, Situation, Span, lines_at

_MARK, _END = "<|file_sep|>", "</s>"
_AROUND = 10
_CHANGES = 3
_LONGEST, _FIRST, _LAST = 40, 20, 19
"""Lines of a change; of a longer one the first and the last are shown."""


class Sweep(EditFormat):
    """Sweep next-edit 0.5B, 1.5B and v2 7B (Qwen2.5-Coder's tokenizer)."""

    name = "sweep"
    source = "Zed's crates/edit_prediction/src/sweep_prompt.rs; Sweep's run_model.py"
    named = ("sweep-next-edit",)
    marks = (_MARK, _END)
    ends = (_MARK, _END)

    def region(self, text: str, caret: int) -> Span:
        """The caret's line, ten above and ten below."""
        begin, end = lines_at(text, caret, caret)
        for _ in range(_AROUND):
            begin = lines_at(text, begin - 1, begin - 1)[0] if begin else 0
            end = lines_at(text, end, end)[1] if end < len(text) else end
        return begin, end

    def prompt(self, asked: Situation) -> str:
        """Other files, the last changes, the region before the last one and now."""
        begin, end = self.region(asked.text, asked.caret)
        current = asked.text[begin:end]
        blocks = [
            *asked.files,
            *((f"{each.path}.diff", _shown(each)) for each in asked.changes[-_CHANGES:]),
            (f"original/{asked.path}", _original(asked, begin, end)),
            (f"current/{asked.path}", current),
        ]
        written = "".join(f"{_MARK}{path}\n{_ended(text)}" for path, text in blocks)
        return f"{written}{_MARK}updated/{asked.path}\n"

    def answer(self, asked: Situation, region: str) -> str:
        """The region, and the mark of a next file."""
        return f"{_ended(region)}{_MARK}"

    def read(self, asked: Situation, answer: str) -> str | None:
        """The answer is the region; an empty one is no edit."""
        begin, end = self.region(asked.text, asked.caret)
        old = asked.text[begin:end]
        new = _ended(answer) if old.endswith("\n") else answer.removesuffix("\n")
        return new if answer.strip() and new != old else None


def _original(asked: Situation, begin: int, end: int) -> str:
    """The region's lines before the latest change of the file."""
    change = next((each for each in reversed(asked.changes) if each.path == asked.path), None)
    if change is None or not asked.former:
        return asked.text[begin:end]
    more = len(change.new) - len(change.old)
    first = asked.text.count("\n", 0, begin)
    count = len(asked.text[begin:end].splitlines())
    if change.line + len(change.new) <= first:
        first -= more
    elif change.line < first + count:
        count -= more
    lines = asked.former.splitlines(keepends=True)
    return "".join(lines[max(0, first) : max(0, first) + max(0, count)])


def _shown(change: Change) -> str:
    before = _shortened((*change.above, *change.old, *change.below))
    after = _shortened((*change.above, *change.new, *change.below))
    return f"original:\n{before}updated:\n{after}"


def _shortened(lines: tuple[str, ...]) -> str:
    if len(lines) > _LONGEST:
        lines = (*lines[:_FIRST], "...", *lines[-_LAST:])
    return "".join(f"{line}\n" for line in lines)


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"
