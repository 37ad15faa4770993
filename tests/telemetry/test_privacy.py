"""Pseudonyms, the install's key, and who has opted out."""

import stat

import pytest

from telemetry.privacy import (
    KEY_FILE,
    OPT_OUT_FILE,
    ForeignFileError,
    OptOut,
    Pseudonyms,
    install_key,
    opt_out_list,
    remove_key,
)


@pytest.fixture
def pseudonyms():
    return Pseudonyms(b"k" * 32)


def test_the_same_thing_has_the_same_pseudonym_and_others_have_others(pseudonyms):
    assert pseudonyms.user("ada") == pseudonyms.user("ada") != pseudonyms.user("bob")
    assert pseudonyms.text("a") != pseudonyms.text("b")
    assert pseudonyms.document("a") != pseudonyms.text("a")


def test_pseudonyms_differ_between_installs(pseudonyms):
    assert pseudonyms.user("ada") != Pseudonyms(b"x" * 32).user("ada")


def test_numbers_fit_a_signed_column(pseudonyms):
    assert all(0 <= pseudonyms.text(str(n)) < 2**63 for n in range(100))


def test_what_is_left_of_a_suggestion_has_the_same_ending(pseudonyms):
    whole = "return the_total_price_of(everything, with_tax)"
    assert pseudonyms.ending("a", whole) == pseudonyms.ending("a", whole[7:])
    assert pseudonyms.ending("a", whole) != pseudonyms.ending("b", whole)


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path):
    key = install_key(tmp_path / "telemetry")
    assert install_key(tmp_path / "telemetry") == key
    assert len(key) == 32
    mode = (tmp_path / "telemetry" / KEY_FILE).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE((tmp_path / "telemetry").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_gives_a_key_for_this_process(tmp_path):
    (tmp_path / "file").write_text("")
    assert len(install_key(tmp_path / "file" / "telemetry")) == 32


def test_opting_out_is_remembered_without_names(tmp_path, pseudonyms):
    OptOut(tmp_path, pseudonyms).add(user="ada", workspace="/home/ada/secret")
    opt_out = OptOut(tmp_path, pseudonyms)
    assert opt_out.covers(user="ada")
    assert opt_out.covers(workspace="/home/ada/secret/")
    assert not opt_out.covers(user="bob", workspace="/home/bob")
    assert not opt_out.covers()
    assert all("ada" not in file.read_text() for file in tmp_path.iterdir())


def test_a_folder_opts_out_with_all_that_lies_in_it(tmp_path, pseudonyms):
    opt_out = OptOut(tmp_path, pseudonyms)
    opt_out.add(workspace="/home/ada/secret")
    for place in ("/home/ada/secret", "/home/ada/secret/lib/a.py"):
        assert opt_out.covers(workspace=place)
        assert opt_out.covers(workspace="/home", places=["/elsewhere", place])
    for place in ("/home/ada", "/home/ada/secrets/a.py", "a.py", ""):
        assert not opt_out.covers(workspace=place, places=[place])


def test_an_opt_out_can_be_taken_back(tmp_path, pseudonyms):
    opt_out = OptOut(tmp_path, pseudonyms)
    opt_out.add(user="ada")
    opt_out.remove(user="ada")
    assert not OptOut(tmp_path, pseudonyms).covers(user="ada")


def test_two_processes_that_change_the_list_lose_nothing(tmp_path, pseudonyms):
    one, other = OptOut(tmp_path, pseudonyms), OptOut(tmp_path, pseudonyms)
    assert not other.covers(user="ada")
    one.add(user="ada")
    other.add(user="bob")
    assert all(each.covers(user=who) for each in (one, other) for who in ("ada", "bob"))


def test_nothing_is_recorded_while_the_list_cannot_be_read(tmp_path, pseudonyms):
    (tmp_path / OPT_OUT_FILE).write_text("{damaged")
    assert OptOut(tmp_path, pseudonyms).covers(user="ada")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_strangers_key_is_neither_used_nor_changed(tmp_path, content):
    (tmp_path / KEY_FILE).write_bytes(content)
    one, other = install_key(tmp_path), install_key(tmp_path)
    assert len(one) == len(other) == 32
    assert one != other
    remove_key(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == content
    with pytest.raises(ForeignFileError, match=KEY_FILE):
        opt_out_list(tmp_path)


@pytest.mark.parametrize("content", ["{damaged", '{"marketing": true}', '["marketing"]'])
def test_a_strangers_list_is_not_written_over(tmp_path, pseudonyms, content):
    (tmp_path / OPT_OUT_FILE).write_text(content)
    opt_out = OptOut(tmp_path, pseudonyms)
    for change in (opt_out.add, opt_out.remove):
        with pytest.raises(ForeignFileError, match=OPT_OUT_FILE):
            change(user="ada")
    assert opt_out.covers(user="ada")
    assert [path.name for path in tmp_path.iterdir()] == [OPT_OUT_FILE]
    assert (tmp_path / OPT_OUT_FILE).read_text() == content
