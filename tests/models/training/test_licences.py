import email.message
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

import pytest

from models.training.licences import is_permissive, licence_of


class FakeDistribution(Distribution):
    def __init__(self, **fields: str | list[str]) -> None:
        message = email.message.Message()
        for name, values in fields.items():
            for value in [values] if isinstance(values, str) else values:
                message[name.replace("_", "-")] = value
        self.text = message.as_string()

    def read_text(self, filename: str) -> str | None:
        return self.text if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        raise PackageNotFoundError


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License_Expression": "MIT OR Apache-2.0"}, "mit or apache-2.0"),
        ({"Classifier": ["License :: OSI Approved :: BSD License"]}, "bsd-3-clause"),
        ({"License": "Apache 2.0 License"}, "apache-2.0"),
        ({"License": "Simplified BSD"}, "bsd-3-clause"),
        ({"Summary": "says nothing"}, ""),
    ],
)
def test_licence_is_read_from_whatever_field_states_it(
    fields: dict[str, str | list[str]], expected: str
):
    assert licence_of(FakeDistribution(**fields)) == expected


def test_the_expression_is_believed_before_classifiers():
    distribution = FakeDistribution(
        License_Expression="GPL-3.0-only", Classifier="License :: OSI Approved :: MIT License"
    )
    assert not is_permissive(licence_of(distribution))


@pytest.mark.parametrize(
    ("expression", "permissive"),
    [
        ("mit", True),
        ("(MIT OR GPL-3.0-only) AND BSD-3-Clause", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("MIT AND MPL-2.0", False),
        ("GPL-3.0-or-later", False),
        ("", False),
    ],
)
def test_an_expression_is_permissive_if_its_holder_can_choose_so(expression: str, permissive: bool):
    assert is_permissive(expression) == permissive


def test_one_restrictive_classifier_is_enough_to_refuse():
    distribution = FakeDistribution(
        Classifier=[
            "License :: OSI Approved :: MIT License",
            "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)",
        ]
    )
    assert not is_permissive(licence_of(distribution))
