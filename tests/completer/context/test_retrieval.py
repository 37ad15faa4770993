import random
import threading
import time
from pathlib import Path

import pytest

from completer.context import retrieval
from completer.context.definitions import Definition
from completer.context.query import STEP
from completer.context.retrieval import Retriever
from completer.context.surroundings import Surroundings
from completer.request import Snippet

ROOT = Path("/repo")
MAIN = Definition("main", "function", "def main(): ...", 0, 15, 0)
CART = '''
class Cart:
    """Holds items."""

    def add(self, item: Item, count: int = 1) -> None:
        pass

    def total(self) -> Money: ...


def checkout(cart: Cart) -> Order:
    """Pays for a cart."""
'''
CALLER = "from shop.cart import Cart, checkout\n\n\ndef run():\n    cart = Cart()\n" + "\n" * STEP


@pytest.fixture
def retriever():
    retriever = Retriever(ROOT)
    retriever.update(ROOT / "shop" / "cart.py", CART)
    return retriever


def found(
    retriever: Retriever, prefix=CALLER, suffix="", path="main.py", budget=2_000
) -> list[Snippet]:
    return retriever.retrieve(Surroundings.of(prefix, suffix, "python"), ROOT / path, budget)


def test_what_the_code_names_is_shown_as_signatures(retriever):
    assert found(retriever) == [
        Snippet(
            path="shop/cart.py",
            text='class Cart:\n    """Holds items."""\n'
            "    def add(self, item: Item, count: int = 1) -> None: ...\n"
            "    def total(self) -> Money: ...\n"
            'def checkout(cart: Cart) -> Order:\n    """Pays for a cart."""',
        )
    ]


def test_nothing_of_the_file_itself(retriever):
    retriever.update(ROOT / "main.py", CART)
    assert [snippet.path for snippet in found(retriever)] == ["shop/cart.py"]


def test_a_name_that_the_file_defines_itself_is_not_looked_up(retriever):
    own = "class Cart:\n    pass\n\nCart()\n" + "\n" * STEP
    retriever.update(ROOT / "main.py", own)
    assert found(retriever, prefix=own) == []


def test_a_file_that_is_gone_is_forgotten(retriever):
    retriever.update(ROOT / "shop", None)
    assert found(retriever) == []


def test_an_update_counts_at_once(retriever):
    retriever.update(ROOT / "shop" / "cart.py", "def checkout(new): ...\n")
    assert found(retriever)[0].text == "def checkout(new): ..."


def test_a_method_is_shown_where_it_is_called_as_one(retriever):
    used = "def f(x, total):\n    x.add(1)\n" + "\n" * STEP
    assert "def add" in found(retriever, prefix=used)[0].text
    assert "def total" not in found(retriever, prefix=used)[0].text


def test_what_is_imported_goes_before_what_has_the_same_name(retriever):
    for number in range(5):
        retriever.update(ROOT / f"other{number}.py", "def checkout(wrong): ...\n")
    best = found(retriever, prefix=CALLER.replace("Cart()", "checkout()"), budget=120)
    assert [snippet.path for snippet in best] == ["shop/cart.py"]


def test_a_file_that_is_being_edited_goes_first(retriever):
    retriever.update(ROOT / "a" / "x.py", "def helper(a): ...\n")
    retriever.update(ROOT / "b" / "x.py", "def helper(b): ...\n", edited=True)
    best = found(retriever, prefix="helper()\n" + "\n" * STEP)
    assert [snippet.path for snippet in best] == ["a/x.py", "b/x.py"]


def test_code_like_this_in_a_file_edited_before_is_shown_last(retriever):
    other = "def load(path):\n    with open(path) as file:\n        return parse(file.read())\n"
    retriever.update(ROOT / "loader.py", other, edited=True)
    here = "def save(path):\n    with open(path) as file:\n        x = Cart\n" + "\n" * STEP
    snippets = found(retriever, prefix=here)
    assert [snippet.path for snippet in snippets] == ["shop/cart.py", "loader.py"]
    assert snippets[-1].text == other.strip()
    assert found(retriever, prefix=here, path="loader.py")[-1].path == "shop/cart.py"
    retriever.update(ROOT / "loader.py", None)
    assert found(retriever, prefix=here)[-1].path == "shop/cart.py"


def test_a_name_defined_everywhere_says_nothing(retriever):
    for number in range(20):
        retriever.update(ROOT / f"m{number}.py", "def setup(): ...\n")
    assert found(retriever, prefix="setup()\n" + "\n" * STEP) == []


def test_other_languages_stay_apart(retriever):
    retriever.update(ROOT / "cart.ts", "export class Cart {}\n")
    assert [snippet.path for snippet in found(retriever)] == ["shop/cart.py"]
    script = "const c = new Cart()\n" + "\n" * STEP
    snippets = retriever.retrieve(
        Surroundings.of(script, "", "typescriptreact"), ROOT / "a.tsx", 500
    )
    assert [snippet.path for snippet in snippets] == ["cart.ts"]


@pytest.mark.parametrize("budget", [0, 20, 60, 100, 150, 200, 400])
def test_the_budget_holds(retriever, budget):
    snippets = found(retriever, budget=budget)
    assert sum(len(snippet.path) + len(snippet.text) for snippet in snippets) <= budget
    assert bool(snippets) == (budget >= 100)


def _busy_workspace(files: int) -> Retriever:
    retriever = Retriever(ROOT)
    source = "".join(f"def name{{0}}_{i}(a, b):\n    '''Doc.'''\n\n\n" for i in range(10))
    for number in range(files):
        retriever.update(ROOT / f"p{number % 50}" / f"m{number}.py", source.format(number % 997))
    return retriever


def test_looking_up_takes_little_time_and_is_deterministic():
    retriever = _busy_workspace(1_000)
    generator = random.Random(1)
    times = []
    for _ in range(50):
        calls = [
            f"x = name{generator.randrange(997)}_{generator.randrange(10)}(1)" for _ in "a" * 40
        ]
        prefix = "\n".join(calls) + "\n" * STEP
        started = time.perf_counter()
        first = found(retriever, prefix=prefix)
        times.append(time.perf_counter() - started)
        assert first
        assert first == found(retriever, prefix=prefix)
    assert sorted(times)[47] < 0.05  # about 1 ms


def test_files_may_be_updated_while_others_ask(retriever):
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for number in range(60):
                retriever.update(ROOT / "shop" / f"m{number % 7}.py", CART)
                retriever.update(ROOT / "shop" / f"m{number % 5}.py", None)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        found(retriever)
    assert failures == []
    assert found(retriever)


def test_a_name_defined_thousands_of_times_is_looked_at_a_few_times(tmp_path, monkeypatch):
    retriever = Retriever(tmp_path)
    for number in range(5):
        source = "def often(): pass\n" * 2_000
        retriever.update(tmp_path / f"{number}.py", source)
    shown = []
    monkeypatch.setattr(retrieval, "outline", lambda file, chosen: shown.append(file) or "x" * 999)
    retriever.retrieve(Surroundings.of("often()\n" * 9, "", "python"), tmp_path / "new.py", 500)
    assert 0 < len(shown) <= 200


def test_a_name_that_all_files_define_costs_little(tmp_path):
    retriever = Retriever(tmp_path, read=lambda text, language: [MAIN])
    for number in range(20_000):
        retriever.update(tmp_path / f"{number}.py", "def main(): ...\n")
    began = time.process_time()
    retriever.retrieve(
        Surroundings.of("from x import main\n" * 9, "", "python"), tmp_path / "new.py", 500
    )
    assert time.process_time() - began < 1
