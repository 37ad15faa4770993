"""Secrets of all kinds are found in all places, in linear time, and ordinary code is left alone."""

import json
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from completer.context.workspace import Workspace, WorkspaceOptions
from completer.secrets.finding import cut, find_secrets, rules_digest, without_secrets
from completer.secrets.rules import RULES
from tests.canaries import Canary, canaries

CODE = "".join(f"def function_{n}(key, token):\n    return token[{n}]\n" for n in range(40))
PLACES: dict[str, Callable[[str], str]] = {
    "alone": lambda source: source,
    "first line": lambda source: f"{source}\n{CODE}",
    "last line, which has no end": lambda source: f"{CODE}{source}",
    "behind 16 KB": lambda source: f"{CODE * 9}{source}\n{CODE}",
    "comment": lambda source: CODE + "".join(f"# {line}\n" for line in source.split("\n")),
    "indented": lambda source: CODE + "".join(f"\t    {line}\n" for line in source.split("\n")),
    "CRLF": lambda source: f"{CODE}{source}\n{CODE}".replace("\n", "\r\n"),
    "CR": lambda source: f"{CODE}{source}\n{CODE}".replace("\n", "\r"),
    "long line": lambda source: "x = 1; " * 800 + source.replace("\n", "\\n") + "; y = 2" * 800,
    "JSON": lambda source: json.dumps({"a": "b" * 100, "text": source}),
    "pieces": lambda source: " +\n".join(f"    '{line}\\n'" for line in source.split("\n")),
    "not ASCII": lambda source: f"größe = '\U0001f600'\n{source}\n# ∀",
}


def test_there_are_enough_kinds():
    assert len({canary.kind for canary in canaries()}) == len(canaries()) >= 20
    for canary in canaries():
        assert canary.leaked(canary.source)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("canary", canaries(), ids=lambda canary: canary.kind)
def test_secrets_are_found_wherever_they_stand(canary: Canary, place: str):
    text = PLACES[place](canary.source)
    cleaned = without_secrets(text)

    assert not canary.leaked(cleaned)
    assert cleaned.count("def function_") == text.count("def function_")
    assert cleaned.count("x = 1; ") == text.count("x = 1; ")


def test_what_is_found_does_not_depend_on_the_draw():
    missed = [each for seed in range(40) for each in canaries(seed) if leaks(each)]
    assert len(missed) <= 2, missed  # a random text may look like a template


def leaks(canary: Canary) -> bool:
    return bool(canary.leaked(without_secrets(canary.source)))


KEY = next(each for each in canaries() if each.kind == "RSA key")
LINES = KEY.source.split("\n")


@pytest.mark.parametrize("lines", [LINES[:9], LINES[9:], [*LINES[:3], "", *LINES[-3:]]])
def test_a_part_of_a_private_key_is_found_by_the_mark_that_is_there(lines: list[str]):
    text = "\n".join(["before = 1", *lines, "after = 1"])
    cleaned = without_secrets(text)

    assert not KEY.leaked(cleaned)
    assert cleaned.startswith("before = 1")
    assert "after = 1" in cleaned


def test_what_stood_left_and_right_is_not_joined():
    token = next(each for each in canaries() if each.kind == "npm token")

    assert without_secrets(f"left = 1\n{KEY.source}\nright = 2\n") == "left = 1\n\n\nright = 2\n"
    assert without_secrets(f"f('{token.secrets[0]}more')") == "f('')"
    assert cut("a\nb", []) == "a\nb"


@pytest.mark.parametrize(
    "text",
    [
        "password = get_password(user, 16)",
        'token = "test_token_1234"',
        'API_KEY = os.environ["SERVICE_API_KEY_V2"]',
        "tokenizer_class = Wav2Vec2CTCTokenizer",
        'password = f"{user1}:{host2}"',
        'secret: "${VAULT_SECRET_2A}"',
        'url = "https://user@example.org:8080/a@b"',
        'if "-----BEGIN RSA PRIVATE KEY-----" in text:\n    raise ValueError(text)',
        'sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
        "-----BEGIN CERTIFICATE-----\n" + ("QUJD" * 16 + "\n") * 9 + "-----END CERTIFICATE-----",
        ".sk-toggleable__content-arrow-123 { color: red }",
        "git checkout 4f1b2b0b822cd15d6c15b0f00a089f86d081884c",
        "import a.b.c as token, d.e.f as password",
    ],
)
def test_ordinary_code_is_left_alone(text: str):
    assert without_secrets(text) == text


@pytest.mark.slow
def test_less_than_one_file_in_a_hundred_of_the_standard_library_is_touched():
    options = WorkspaceOptions(keep_secrets=True)
    library = Workspace(Path(sysconfig.get_path("stdlib")), options=options)
    texts = [library.read(file.path) or "" for file in library.iter_files()]
    touched = sum(bool(find_secrets(text)) for text in texts)

    assert len(texts) > 500
    assert touched < len(texts) / 100


def hostile_units() -> list[str]:
    """What hostile texts are made of: the rules' own beginnings, over and over."""
    begins = {rule.pattern.pattern.split("(")[0].split("[")[0].replace("\\", "") for rule in RULES}
    dashes = "-" * 5
    return [
        *sorted(begins),
        *("a", "A1b2C3", '"', "'", "\\", " ", "=", ":", "(", "-", ".", "\n", "\r", "1:", "://a:b"),
        *('password="', "password=", "token: ", "token:       ", "Bearer ", "passwordpassword"),
        *("password='xK9mP2vL5'", "password = xK9mP2vL", "x='xK9mP2vL5',", "://", "://a"),
        *(f"{dashes}BEGIN RSA PRIVATE KEY{dashes}", f"{dashes}END RSA PRIVATE KEY{dashes}"),
        *(f"{dashes}BEGIN PRIVATE KEY{dashes}\nA: b\n", f"{dashes}END PRIVATE KEY{dashes}AAAAA"),
        *(f"{dashes}BEGIN PRIVATE KEY{dashes}" + "A" * 16, "PRIVATE KEY", "Private-MAC: a"),
        *("eyJ.", "eyJaaaaaaaaaa.", ".eyJaaaaaaaaaa", "AKIA" + "A" * 16, "AKIA" + "A" * 16 + "/"),
        *("SG." + "a" * 16 + ".", "M" * 25 + ".", "12345678:" + "A" * 30, "0" * 32 + "-us"),
        *("ghp_" + "a" * 30, "AC" + "a" * 31, "heroku-", "LS0tLS1CRUdJTi"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("unit", hostile_units())
def test_time_is_linear_in_hostile_texts(unit: str):
    """Twice the text takes about twice the time, and never a hundred times an ordinary text's."""
    size = 200_000
    ordinary = seconds(CODE * (size // len(CODE)))
    once, twice = (seconds(unit * (times * size // len(unit))) for times in (1, 2))

    assert twice < 3.5 * once + 0.02
    assert twice < 2 * 100 * ordinary + 0.1


def seconds(text: str) -> float:
    def measured() -> float:
        began = time.process_time()
        find_secrets(text)
        return time.process_time() - began

    return min(measured() for _ in range(3))


def test_other_rules_have_another_name(monkeypatch):
    known = rules_digest()
    monkeypatch.setattr("completer.secrets.finding.RULES", RULES[1:])
    assert rules_digest() != known
