"""Pseudonyms, the install's key, and who has opted out."""

import stat

import pytest

from telemetry.privacy import KEY_FILE, OPT_OUT_FILE, OptOut, Pseudonyms, install_key


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


def test_nothing_is_recorded_while_the_list_cannot_be_read(tmp_path, pseudonyms):
    (tmp_path / OPT_OUT_FILE).write_text("{damaged")
    assert OptOut(tmp_path, pseudonyms).covers(user="ada")
