import threading

import pytest

from completer.context.grammars import definition_nodes, has_grammar, parse

LANGUAGES = [
    "python",
    "javascript",
    "typescript",
    "typescriptreact",
    "go",
    "rust",
    "java",
    "c",
    "cpp",
]


@pytest.mark.parametrize("language", [*LANGUAGES, "javascriptreact"])
def test_each_grammar_loads_with_its_query(language):
    tree = parse(b"", language)
    assert tree is not None
    assert list(definition_nodes(tree, language)) == []
    assert has_grammar(language)


def test_other_languages_have_none():
    assert parse(b"x", "perl") is None
    assert parse(b"x", None) is None
    assert not has_grammar("perl")


def test_a_source_longer_than_a_piece_is_parsed_whole():
    source = b"# \xc3\xa9\ndef f(): pass\n" * 4_000
    tree = parse(source, "python")
    assert tree is not None
    assert not tree.root_node.has_error
    assert len(list(definition_nodes(tree, "python"))) == 4_000


def test_threads_parse_at_the_same_time():
    counts: list[int] = []

    def work() -> None:
        for _ in range(5):
            tree = parse(b"def f(): pass\n" * 500, "python")
            assert tree is not None
            counts.append(len(list(definition_nodes(tree, "python"))))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [500] * 20
