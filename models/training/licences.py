"""Which installed distributions may be trained on: their licence as metadata states it."""

from __future__ import annotations

import re
from importlib.metadata import Distribution

PERMISSIVE = frozenset(
    {
        *("0bsd", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "hpnd", "isc", "zlib"),
        *("mit", "mit-0", "mit-cmu", "apache-2.0", "cc0-1.0", "unlicense"),
        *("psf-2.0", "python-2.0", "python-2.0.1"),
    }
)

# Metadata older than licence expressions names licences in prose.
_PROSE = {
    r"\bmit\b": "mit",
    r"\bapache\b": "apache-2.0",
    r"\bbsd\b": "bsd-3-clause",
    r"\bisc\b": "isc",
    r"\b(python software foundation|psf)\b": "psf-2.0",
    r"\bunlicense\b": "unlicense",
    r"\bzlib\b": "zlib",
}
_RESTRICTIVE = re.compile(
    r"gpl|general public|mozilla|\bmpl|affero|eclipse|proprietary|commercial|creative commons",
    re.IGNORECASE,
)


def licence_of(distribution: Distribution) -> str:
    """The licence as an SPDX-like expression in lower case, "" where the metadata states none.

    A licence expression (PEP 639) is believed first, then classifiers, then the free text.
    """
    fields = distribution.metadata.json
    if expression := fields.get("license_expression"):
        return str(expression).lower()
    classifiers = [text for text in fields.get("classifier", []) if text.startswith("License ::")]
    stated = classifiers or [str(fields.get("license", "")).strip().partition("\n")[0]]
    return " and ".join(filter(None, map(_from_prose, stated)))


def is_permissive(expression: str) -> bool:
    """Whether an SPDX expression lets its holder choose permissive terms only."""
    return bool(expression) and all(
        any(_term(option) in PERMISSIVE for option in re.split(r"\s+or\s+", part))
        for part in re.split(r"\s+and\s+", expression.lower())
    )


def _term(option: str) -> str:
    return option.strip("() ").partition(" with ")[0]


def _from_prose(text: str) -> str:
    if _RESTRICTIVE.search(text):
        return text.lower()
    return next((spdx for phrase, spdx in _PROSE.items() if re.search(phrase, text, re.I)), "")
