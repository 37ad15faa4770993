import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.context.query import _IMPORT, STEP, Query, _imports, query_at
from completer.context.surroundings import Surroundings

PREFIX = "import os\nfrom shop.cart import (\n    Cart,\n    Item,\n)\n" + "\n" * 2 * STEP


def asked(prefix: str, suffix: str, language: str | None) -> Query:
    return query_at(Surroundings.of(prefix, suffix, language))


def names(prefix: str, suffix: str = "", language: str = "python") -> list[str]:
    return [name for name, _ in asked(prefix, suffix, language).names]


def test_nearer_names_weigh_more():
    prefix = "far = 1\n" + "x = 1\n" * 40 + "near = far2\n" + "\n" * STEP
    query = dict(asked(prefix, "", "python").names)
    assert query["near"] > query["far2"] * 0.9 > 0
    assert "far" not in query or query["far"] < query["near"]


def test_in_documentation_its_words_are_names():
    assert "graph" in names('def f():\n    """Do.\n\n    >>> graph(1)\n' + "\n" * STEP)


def test_the_type_around_the_caret_is_near():
    prefix = "class Page(Base):\n    'a class of its own'\n" + "    x = 1\n" * 80
    query = dict(asked(prefix, "", "python").names)
    assert query["Base"] > 0.02
    assert "own" not in query


def test_comments_and_strings_name_nothing():
    assert names("a = 'b c' # d\n" + "\n" * STEP) == ["a"]


def test_names_below_the_caret_count_but_not_those_of_its_line():
    assert names("", " rest\nbelow(x)\n") == ["below", "x"]


def test_attributes_are_told_apart():
    query = asked("a.pay(b)\np->go\n" + "\n" * STEP, "\nC::make()\n", "cpp")
    assert query.attributes == {"pay", "go", "make"}


@pytest.mark.parametrize(
    ("language", "text", "imported"),
    [
        ("python", "from shop.cart import (\n    Cart,\n    Item,\n)\n", {"shop", "Cart", "Item"}),
        ("typescript", "import { a, b } from './lib/util';\n", {"a", "b", "lib", "util"}),
        ("javascript", "const x = require('./y')\n", {"x", "y"}),
        ("go", 'import (\n\t"net/http"\n\t"shop/cart"\n)\n', {"http", "cart"}),
        ("rust", "use crate::shop::{Cart, Item};\n", {"shop", "Cart", "Item"}),
        ("java", "import org.shop.Cart;\n", {"shop", "Cart"}),
        ("c", '#include "shop/cart.h"\n', {"shop", "cart"}),
    ],
)
def test_names_of_import_lines(language, text, imported):
    query = asked(text + "code = 1\n", "", language)
    assert imported <= query.imported
    assert imported <= dict(query.names).keys()


def test_the_query_stays_while_a_line_and_some_more_are_typed():
    before = PREFIX + "total = Cart.sum(\n" * STEP
    aligned = before + "\n" * (-before.count("\n") % STEP)
    first = asked(aligned, "\nrest(x)\n", "python")
    typed = "cart = Cart(Item(1, 'a'), item)"
    for end in range(len(typed)):
        assert asked(aligned + typed[:end], "\nrest(x)\n", "python") == first
    for lines in range(1, STEP):
        assert asked(aligned + "more = 1\n" * lines, "\nrest(x)\n", "python") == first
    assert asked(aligned + "more = 1\n" * STEP, "\nrest(x)\n", "python") != first


PIECES = [
    "import a",
    "from b",
    " import ",
    "const x = ",
    "require",
    "\n",
    "(",
    "{",
    ")",
    "}",
    " c,",
]


@settings(max_examples=400, deadline=None)
@given(text=st.lists(st.sampled_from(PIECES), max_size=25).map(lambda parts: "".join(parts) + "\n"))
def test_an_import_goes_on_to_the_bracket_that_closes_it(text):
    whole = re.compile(_IMPORT.pattern + r"(?:[({][^)}]*[)}])?[^\n]*", re.MULTILINE)
    assert list(_imports(text)) == whole.findall(text)
