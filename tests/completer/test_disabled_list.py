"""The user's list of where nothing is completed, in their own file."""

import pytest

from completer.disabled_list import DisabledList
from completer.errors import SettingsError
from completer.settings import load_settings


def test_it_is_changed_in_the_file_and_followed(tmp_path):
    file = tmp_path / "config.toml"
    one, other = DisabledList(file), DisabledList(file)
    assert one.entries == other.entries == ()
    assert one.change("*.env", disabled=True) == ("*.env",)
    assert one.change("*.env", disabled=True) == ("*.env",)
    assert other.change("language:markdown", disabled=True) == ("*.env", "language:markdown")
    assert one.entries == ("*.env", "language:markdown")
    assert load_settings(file=file).settings.completion.disabled_in == one.entries
    assert one.change("*.env", disabled=False) == ("language:markdown",)


def test_an_empty_entry_is_none(tmp_path):
    assert DisabledList(tmp_path / "config.toml").change(" ", disabled=True) == ()


def test_without_a_file_what_is_known_stays():
    assert DisabledList(None, ("*.md",)).entries == ("*.md",)


def test_a_file_that_cannot_be_changed_is_told(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("completion = 3\n")
    with pytest.raises(SettingsError, match="could not be changed"):
        DisabledList(file).change("*.md", disabled=True)
