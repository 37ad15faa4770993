"""What a prompt says of files: sections of other files, and the path of the one to complete."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from completer.context.languages import language_of_name
from completer.place import name_in
from completer.request import CompletionRequest, Snippet
from completer.unicode import well_formed
from models.fim import BoundLayout
from models.fim_template import COMMENT, LANGUAGE, PATH, REPO, TEXT, Section

LONGEST_PATH = 1024
Encode = Callable[[str], list[int]]

_NAMES = {"cpp": "C++", "csharp": "C#", "javascript": "JavaScript", "typescript": "TypeScript"}
_HASH = frozenset(
    {"python", "ruby", "perl", "r", "julia", "elixir", "nim", "shellscript", "powershell"}
    | {"makefile", "cmake", "dockerfile", "terraform", "nix", "yaml", "toml"}
)


class Sections(NamedTuple):
    """Token ids of the sections of other files, and of the one with the document's own path."""

    files: list[int]
    own: list[int]


class SectionWriter:
    """Writes a layout's sections; `encode_again` is for texts that stay as they are."""

    def __init__(self, layout: BoundLayout, encode: Encode, encode_again: Encode) -> None:
        self._layout = layout.layout
        self._mark_ids = layout.mark_ids
        self._encode = encode
        self._encode_again = encode_again

    def write(
        self, request: CompletionRequest, snippets: Sequence[Snippet], most: int, longest: int
    ) -> Sections:
        """Write the sections within `most` tokens; of a text, the last `longest` characters count.

        Read from the last one on, for the first ones give way.
        """
        layout = self._layout
        if not snippets and not layout.own_path:
            return Sections([], [])
        own = self._own(request)[-most:]
        files = self._section(layout.behind_files, {}) if snippets else []
        for snippet in reversed(snippets):
            if len(files) + len(own) >= most:
                break
            text = snippet.text[-longest:].rstrip() + "\n"
            values = _of_file(snippet.path, language_of_name(snippet.path.rpartition("/")[2]))
            files = self._section(layout.file, {**values, TEXT: text}) + files
        if snippets and request.workspace is not None:
            name = request.workspace_name or request.workspace.name
            files = self._section(layout.repo, {REPO: well_formed(name)}) + files
        return Sections(files[max(0, len(files) + len(own) - most) :], own)

    def _own(self, request: CompletionRequest) -> list[int]:
        if request.path is None:
            return []
        name = name_in(request.path, request.workspace)
        return self._section(self._layout.own, _of_file(name, request.language))

    def _section(self, section: Section, values: Mapping[str, str]) -> list[int]:
        """Token ids of a section: marks by themselves, what stands between two of them as one."""
        ids: list[int] = []
        text = ""
        for part in section:
            if part not in self._mark_ids and part != TEXT:
                text += values.get(part, part)
                continue
            ids += self._encode(text) if text else []
            ids += self._encode_again(values[TEXT]) if part == TEXT else [self._mark_ids[part]]
            text = ""
        return ids + (self._encode(text) if text else [])


def _of_file(path: str, language: str | None) -> dict[str, str]:
    name = language or "text"
    return {
        PATH: well_formed(path[-LONGEST_PATH:]),
        COMMENT: "#" if language is None or language in _HASH else "//",
        LANGUAGE: _NAMES.get(name, name.capitalize()),
    }
