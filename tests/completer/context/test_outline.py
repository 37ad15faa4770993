from completer.context.definitions import definitions
from completer.context.outline import outline
from completer.context.symbols import FileSymbols

PYTHON = '''
def free(a):
    """Frees."""


class Account(Base):
    """An account."""

    rate = 0.5

    def pay(self, n):
        """Pays."""

    def close(self):
        pass
'''

TYPESCRIPT = "/** A shape. */\nexport interface Shape {\n  area(): number;\n}\nclass Empty {}\n"


def outlined(source: str, language: str, *names: str) -> str:
    file = FileSymbols("file", language, tuple(definitions(source, language)))
    return outline(file, [item for item in file.definitions if item.name in names])


def test_a_function_with_its_documentation():
    assert outlined(PYTHON, "python", "free") == 'def free(a):\n    """Frees."""'


def test_a_class_shows_its_members():
    assert outlined(PYTHON, "python", "Account", "pay") == (
        'class Account(Base):\n    """An account."""\n    rate = 0.5\n'
        '    def pay(self, n):\n        """Pays."""\n    def close(self): ...'
    )


def test_a_method_shows_the_class_it_is_in_and_nothing_else_of_it():
    assert outlined(PYTHON, "python", "close") == (
        'class Account(Base):\n    """An account."""\n    def close(self): ...'
    )


def test_languages_with_braces():
    assert outlined(TYPESCRIPT, "typescript", "Shape", "Empty") == (
        "// A shape.\ninterface Shape {\n    area(): number\n}\nclass Empty"
    )


def test_a_method_whose_type_is_elsewhere_stands_alone():
    source = "package p\nfunc (f *File) Close() error { return nil }\n"
    assert outlined(source, "go", "Close") == "func (f *File) Close() error"


def test_of_a_large_type_the_public_members_are_shown():
    members = "".join(f"    def _hidden{i}(self): ...\n" for i in range(20))
    source = f"class A:\n{members}    def __init__(self): ...\n    def shown(self): ...\n"
    text = outlined(source, "python", "A")
    assert "def shown" in text
    assert "def __init__" in text
    assert text.count("_hidden") == 10
