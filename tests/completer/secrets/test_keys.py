"""Private keys with the headers that they come with, and ends of keys that begin elsewhere."""

import base64
import random
import textwrap

import pytest

from completer.secrets.keys import private_keys

DASHES = "-" * 5
DATA = textwrap.wrap(base64.b64encode(random.Random(1).randbytes(300)).decode(), 64)
BEGIN, END = (
    f"{DASHES}BEGIN RSA PRIVATE " + f"KEY{DASHES}",
    f"{DASHES}END RSA PRIVATE " + f"KEY{DASHES}",
)
PGP = f"{DASHES}BEGIN PGP PRIVATE " + f"KEY BLOCK{DASHES}"


@pytest.mark.parametrize(
    "lines",
    [
        [BEGIN, *DATA, END],
        [BEGIN, "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-256-CBC,0123456789ABCDEF", "", *DATA, END],
        [PGP, "Version: GnuPG v2", "Comment: a b", "", *DATA, "=aB3d", PGP.replace("BEGIN", "END")],
        ["PuTTY-User-Key-File-2: ssh-rsa", "Encryption: none", "Comment: a b", "Public-Lines: 2",
         *DATA[:2], "Private-Lines: 3", *DATA[2:], "Private-MAC: 0123456789abcdef"],
        [BEGIN, *DATA],
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n", "\\r\\n", "\n * ", '\\n" +\n  "'])
def test_a_key_is_all_between_its_marks(lines: list[str], end: str):
    key = end.join(lines)
    assert list(private_keys(f"x = '{key}'\ny = [1]\n")) == [(5, 5 + len(key))]


def test_an_end_without_a_beginning_takes_the_lines_above_it():
    key = "\n".join([*DATA[-3:], END])
    assert list(private_keys(f"# a comment:\n{key}\n")) == [(13, 13 + len(key))]


@pytest.mark.parametrize("text", [BEGIN, END, f"{BEGIN}\n{END}", f"{BEGIN}(.*?){END}", BEGIN * 9])
def test_marks_alone_are_no_key(text: str):
    assert not list(private_keys(text))


def test_two_keys_are_two():
    key = "\n".join([BEGIN, *DATA, END])
    assert len(list(private_keys(f"{key}\nname = 1\n{key}"))) == 2
