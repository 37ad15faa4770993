from completer.context.similar import SimilarCode

LOAD = "def load(path):\n    with open(path) as file:\n        return parse(file.read())\n"
QUERY = frozenset({"open", "path", "file", "with", "as"})


def filler(lines: int) -> str:
    return "".join(f"a{i} = b{i}\n" for i in range(lines))


def test_the_most_similar_piece_and_what_follows_it():
    similar = SimilarCode()
    similar.put("a.py", filler(100) + LOAD + "\n" * 5 + "after = 1\n", "python")
    best = similar.best(QUERY, "main.py", "python")
    assert best is not None
    assert best.path == "a.py"
    assert LOAD.strip() in best.text
    assert best.text.endswith("after = 1")
    assert best.text.count("\n") < 24


def test_nothing_alike_nothing_of_the_file_itself_nothing_in_another_language():
    similar = SimilarCode()
    similar.put("a.py", LOAD, "python")
    assert similar.best(frozenset({"x", "y"}), "main.py", "python") is None
    assert similar.best(QUERY, "a.py", "python") is None
    assert similar.best(QUERY, "main.js", "javascript") is None
    assert similar.best(frozenset(), "main.py", "python") is None


def test_only_the_latest_files_are_kept():
    similar = SimilarCode(capacity=2)
    for name in ("a.py", "b.py", "a.py", "c.py"):
        similar.put(name, LOAD, "python")
    assert ("a.py" in similar, "b.py" in similar, "c.py" in similar) == (True, False, True)
    similar.put("a.py", "x" * 300_000, "python")
    assert "a.py" not in similar


def test_a_folder_is_forgotten_as_a_whole():
    similar = SimilarCode()
    similar.put("pkg/a.py", LOAD, "python")
    similar.put("pkg2/a.py", LOAD, "python")
    similar.remove("pkg")
    assert "pkg/a.py" not in similar
    assert "pkg2/a.py" in similar


def test_pieces_without_names_are_not_compared():
    similar = SimilarCode()
    similar.put("a.py", "\n" * 100_000 + LOAD + "\n" * 50_000, "python")
    assert len(similar._files["a.py"].windows) < 5
    assert similar.best(QUERY, "main.py", "python") is not None
