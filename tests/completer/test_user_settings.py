"""One setting of the user's file is changed, all else stays."""

import tomllib

import pytest

from completer.errors import SettingsError
from completer.settings import load_settings
from completer.user_settings import remove_section, write_section, write_setting


def test_what_is_there_stays(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('# mine\npure = true\n\n[model]  # the model\ndtype = "int8"\nsource = "x"\n')
    file.chmod(0o640)

    write_setting(file, "model", "source", "org/name")

    assert file.read_text() == (
        '# mine\npure = true\n\n[model]  # the model\ndtype = "int8"\nsource = "org/name"\n'
    )
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_not_there_is_made_for_its_owner_alone(tmp_path):
    file = tmp_path / "new" / "config.toml"

    write_setting(file, "model", "source", 'a "quoted" name')

    assert load_settings(file=file).settings.model.source == 'a "quoted" name'
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["model = ", "model = 1\n"])
def test_a_file_that_cannot_be_changed_is_left_alone(text, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(text)

    with pytest.raises(SettingsError, match="could not be changed") as refused:
        write_setting(file, "model", "source", "x")

    assert file.read_text() == text
    assert "by hand" in refused.value.hint


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.toml").write_text("")
    (tmp_path / "config.toml").symlink_to("real.toml")

    write_setting(tmp_path / "config.toml", "model", "source", "x")

    assert (tmp_path / "config.toml").is_symlink()
    assert 'source = "x"' in (tmp_path / "real.toml").read_text()


ARMS = """
[[experiment.arms]]
name = "a"

[[experiment.arms]]
name = "b"
completion.max_lines = 1
"""
SECTIONS = [
    ("", '[experiment]\nname = "x"\n'),
    ("", '[experiment]\nname = "x"\n' + ARMS),
    ('experiment.name = "x"\n', ""),
    ("", '[experiment]\nname = "x"\n[experiment.arms.completion]\nmax_lines = 1\n'),
]


@pytest.mark.parametrize(("top", "section"), SECTIONS)
def test_a_section_is_taken_out_or_replaced_and_all_comments_stay(top, section, tmp_path):
    file = tmp_path / "config.toml"
    before = f"# first\n{top}[model]\nsource = 'x'  # mine\n\n{section}"
    after = "\n# of the server\n[server]\nport = 1\n"
    file.write_text(before + after)
    write_section(file, "experiment", {"name": "y", "arms": [{"name": "a"}]})
    changed = file.read_text()
    assert tomllib.loads(changed)["experiment"] == {"name": "y", "arms": [{"name": "a"}]}
    assert after in changed
    assert remove_section(file, "experiment")
    left = file.read_text()
    assert tomllib.loads(left) == {"model": {"source": "x"}, "server": {"port": 1}}
    assert left.startswith("# first\n[model]\nsource = 'x'  # mine\n")
    assert after.strip() in left
    assert not remove_section(file, "experiment")
