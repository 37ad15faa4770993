"""Secrets that are none: of every kind, drawn at random, and put together only when tests run.

Written so that no scanner takes this file for a leak.
"""

import base64
import json
import random
import string
import textwrap
from dataclasses import dataclass

_DRAW = random.Random()
_LETTERS, _DIGITS = string.ascii_letters, string.digits
_WORD = _LETTERS + _DIGITS
_URL = _WORD + "-_"
_TRACE = 12  # characters of a secret that must not be found anywhere


@dataclass(frozen=True)
class Canary:
    """A line or lines of source, and those parts of it that are secret."""

    kind: str
    source: str
    secrets: tuple[str, ...]

    def leaked(self, text: str) -> list[str]:
        """The pieces of its secrets that stand in a text."""
        return [piece for secret in self.secrets for piece in _pieces(secret) if piece in text]


def _pieces(secret: str) -> list[str]:
    return [secret[at : at + _TRACE] for at in range(max(1, len(secret) - _TRACE + 1))]


def _draw(alphabet: str, length: int) -> str:
    """Draw characters, no kind of them missing."""
    while True:
        drawn = "".join(_DRAW.choice(alphabet) for _ in range(length))
        if any(map(str.isdigit, drawn)) and drawn.isdigit() == alphabet.isdigit():
            return drawn


def _hex(length: int) -> str:
    return _draw("0123456789abcdef", length)


def _assigned(kind: str, *parts: str, name: str = "value") -> Canary:
    secret = "".join(parts)
    return Canary(kind, f'{name} = "{secret}"', (secret,))


def _pem(kind: str, name: str, length: int) -> Canary:
    lines = textwrap.wrap(base64.b64encode(_DRAW.randbytes(length)).decode(), 64)
    dashes = "-" * 5
    body = [f"{dashes}BEGIN {name}{dashes}", *lines, f"{dashes}END {name}{dashes}"]
    return Canary(kind, "\n".join(body), tuple(lines))


def _jwt() -> Canary:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    payload = part({"sub": "1234567890", "name": "Ada", "iat": 1516239022})
    token = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{payload}.{_draw(_URL, 43)}"
    return Canary("JSON web token", f'cookie = "{token}"', (token,))


def _aws() -> Canary:
    key_id, key = "AK" + "IA" + _draw(string.ascii_uppercase + _DIGITS, 16), _draw(_WORD + "/+", 40)
    return Canary("AWS pair", f'Session("{key_id}", "{key}")', (key_id, key))


def _named(kind: str, line: str, secret: str) -> Canary:
    return Canary(kind, line.format(secret), (secret,))


def canaries(seed: int = 0) -> tuple[Canary, ...]:
    """One of each kind; other seeds draw others."""
    _DRAW.seed(seed)
    return (
        _assigned("AWS access key id", "AK", "IA", _draw(string.ascii_uppercase + _DIGITS, 16)),
        _named("AWS secret key", "aws_secret_access_key = {}", _draw(_WORD + "/+", 40)),
        _aws(),
        _assigned("GitHub personal token", "gh", "p_", _draw(_WORD, 36)),
        _assigned("GitHub OAuth token", "gh", "o_", _draw(_WORD, 36)),
        _assigned(
            "GitHub fine-grained token", "github_", "pat_", _draw(_WORD, 22), "_", _draw(_WORD, 59)
        ),
        _assigned("GitLab token", "gl", "pat-", _draw(_URL, 20)),
        _assigned("Slack token", "xo", "xb-", _draw(_DIGITS, 12), "-", _draw(_WORD, 24)),
        _named(
            "Slack webhook",
            "post('https://hooks." + "slack.com/services/{}')",
            f"T{_draw(_WORD, 8)}/B{_draw(_WORD, 8)}/{_draw(_WORD, 24)}",
        ),
        _assigned("Stripe key", "sk_", "live_", _draw(_WORD, 24)),
        _assigned("Google key", "AI", "za", _draw(_URL, 35)),
        _assigned("OpenAI key", "s", "k-", _draw(_WORD, 20), "T3Blbk", "FJ", _draw(_WORD, 20)),
        _assigned("OpenAI project key", "s", "k-proj-", _draw(_URL, 48)),
        _assigned("Anthropic key", "s", "k-ant-api03-", _draw(_URL, 93), "AA"),
        _assigned("npm token", "np", "m_", _draw(_WORD, 36)),
        _assigned("PyPI token", "py", "pi-AgEIcHlwaS5vcmc", _draw(_URL, 80)),
        _assigned("SendGrid key", "S", "G.", _draw(_URL, 22), ".", _draw(_URL, 43)),
        _assigned("Twilio key", "S", "K", _hex(32)),
        _jwt(),
        _pem("RSA key", "RSA PRIVATE " + "KEY", 600),
        _pem("OpenSSH key", "OPENSSH PRIVATE " + "KEY", 300),
        _pem("EC key", "EC PRIVATE " + "KEY", 121),
        _pem("PKCS 8 key", "PRIVATE " + "KEY", 600),
        _pem("PGP key", "PGP PRIVATE " + "KEY BLOCK", 600),
        _named(
            "Azure storage key",
            "connect('AccountName=a;AccountKey={};EndpointSuffix=b')",
            _draw(_WORD + "+/", 86) + "==",
        ),
        _named(
            "Basic authentication", "get('https://{}@example.org/a')", f"ada:{_draw(_WORD, 14)}"
        ),
        _named(
            "Heroku key",
            "HEROKU_API_KEY={}",
            "-".join(_hex(length) for length in (8, 4, 4, 4, 12)),
        ),
        _assigned("Heroku key by its form", "HR", "KU-AA", _draw(_URL, 58)),
        _assigned(
            "Discord token", "M", _draw(_WORD, 23), ".", _draw(_URL, 6), ".", _draw(_URL, 38)
        ),
        _assigned("Telegram token", _draw(_DIGITS, 9), ":AA", _draw(_URL, 33)),
        _assigned("Password", _draw(_WORD + "!#%&*", 20), name="db_password"),
        _named("Password in YAML", "  password: {}", _draw(_WORD, 16)),
        _named("Password in JSON", '"clientSecret": "{}",', _draw(_URL, 32)),
        _named("Bearer token", "-H 'Authorization: Bearer {}'", _draw(_URL, 40)),
    )
