import pytest

from models.training.languages import LANGUAGES, language_of, suffixes_of

CODE = {
    "python": ("LIMIT = 3\nclass Shape:\n    def area(self): pass\n", {"LIMIT", "Shape", "area"}),
    "javascript": ("class Shape { area() {} }\nfunction run() {}\n", {"Shape", "area", "run"}),
    "typescript": ("interface Shape { a: number }\ntype Size = number;\n", {"Shape", "Size"}),
    "typescriptreact": ("function View() { return <div>a</div>; }\n", {"View"}),
    "go": ("package a\ntype Shape struct{}\nfunc (s Shape) Area() int { return 1 }\n",
           {"Shape", "Area"}),
    "java": ("class Shape { int area() { return 1; } }\n", {"Shape", "area"}),
    "rust": ("struct Shape;\nfn area() -> i32 { 1 }\n", {"Shape", "area"}),
    "c": ("#define LIMIT 3\nstruct shape { int a; };\nint area(void) { return 1; }\n"
          "char *name(int a) { return 0; }\n", {"LIMIT", "shape", "area", "name"}),
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_definitions_are_found_with_their_names(language: str):
    text, names = CODE[language]
    found = LANGUAGES[language].definitions(text.encode())
    assert {name for name, _ in found} == names
    for name, node in found:
        assert name in text.encode()[node.start_byte : node.end_byte].decode()


def test_a_files_language_is_told_by_its_name():
    assert language_of("src/shape.tsx") == "typescriptreact"
    assert language_of("shape.H") == "c"
    assert language_of("Makefile") == "python"


def test_an_unknown_language_is_refused_with_those_that_are_known():
    assert suffixes_of(["c", "go"]) == {".c", ".h", ".go"}
    with pytest.raises(ValueError, match=r"no grammar for cobol: name some of python, javascript"):
        suffixes_of(["python", "cobol"])
