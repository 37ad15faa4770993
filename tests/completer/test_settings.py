"""Where a setting comes from, what it may be, and what a repository may not set."""

import os
import time
from pathlib import Path

import pytest

from completer.errors import SettingsError
from completer.settings import (
    CONFIG_VARIABLE,
    LARGEST_REPOSITORY_FILE,
    load_repository_settings,
    load_settings,
)


@pytest.fixture(autouse=True)
def _no_user_file(monkeypatch, tmp_path):
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "none.toml"))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_defaults():
    loaded = load_settings()

    assert loaded.settings.server.port == 8012
    assert loaded.settings.model.source == "bundled"
    assert loaded.origins == {}


def test_flags_win_over_environment_over_file(monkeypatch, tmp_path):
    file = write(
        tmp_path / "c.toml",
        "[server]\nport = 1\nhost = 'file'\n[completion]\nmax_tokens = 1\n",
    )
    monkeypatch.setenv("COMPLETER_SERVER__PORT", "2")
    monkeypatch.setenv("COMPLETER_SERVER__HOST", "environment")

    loaded = load_settings({"server": {"port": 3, "host": None}}, file)

    assert loaded.settings.server.port == 3
    assert loaded.settings.server.host == "environment"
    assert loaded.settings.completion.max_tokens == 1
    assert loaded.origins == {
        "server.port": "flag",
        "server.host": "environment",
        "completion.max_tokens": f"file {file}",
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[server]\nport = 99999\n", "server.port.*less than or equal to 65535.*c.toml"),
        ("[server]\nprot = 1\n", r"server\.prot.*not permitted.*c.toml.*mean server\.port\?"),
        ("[sever]\nport = 1\n", r"no setting 'sever' .*c.toml.*mean server\?"),
        ("port = 1\n", r"no setting 'port'.*mean server\.port\?"),
        ("[model]\nsuorce = 'x'\n", r"mean model\.source\?"),
        ("[completion]\nmax-tokens = 1\n", r"mean completion\.max_tokens\?"),
        ("[colours]\nnothing_like_it = 1\n", r"no setting 'colours' \(file [^)]*\)\.$"),
        ("[server\n", "cannot be read as TOML"),
        ("server = 3\n", "server: .*c.toml"),
    ],
)
def test_a_wrong_file_says_what_is_wrong_and_where(tmp_path, text, complaint):
    with pytest.raises(SettingsError, match=complaint):
        load_settings(file=write(tmp_path / "c.toml", text))


def test_several_mistakes_are_told_at_once(tmp_path):
    file = write(tmp_path / "c.toml", "[server]\nprot = 1\n[engine]\nmax_runing = 0\n")
    with pytest.raises(SettingsError, match=r"engine\.max_running\?.*; .*server\.port\?"):
        load_settings(file=file)


@pytest.mark.parametrize(
    ("variable", "complaint"),
    [
        ("COMPLETER_SEVER__PORT", r"sever\.port'.*environment.*mean server\.port\?"),
        ("COMPLETER_SERVER__PROT", r"server\.prot.*environment.*mean server\.port\?"),
        ("COMPLETER_SERVER_PORT", r"server_port'.*environment.*mean server\.port\?"),
        ("completer_modle__source", r"modle\.source'.*environment.*mean model\.source\?"),
    ],
)
def test_a_mistyped_variable_is_told(monkeypatch, variable, complaint):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingsError, match=complaint):
        load_settings()


@pytest.mark.parametrize("variable", ["COMPLETER_VERSION", "COMPLETER_IMAGE__DIGEST"])
def test_a_variable_that_is_like_no_setting_is_somebody_elses(monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    assert load_settings().origins == {}


def test_a_repositorys_own_file_gets_the_nearest_name_too(tmp_path):
    write(tmp_path / ".completer.toml", "[completion]\nmax_line = 3\n")
    with pytest.raises(SettingsError, match=r"mean completion\.max_lines\?"):
        load_repository_settings(tmp_path)


def test_a_named_file_must_exist(tmp_path):
    with pytest.raises(SettingsError, match="no settings file"):
        load_settings(file=tmp_path / "gone.toml")


@pytest.mark.parametrize("token", ["", " ", "\t\n "])
def test_a_token_of_nothing_is_refused(monkeypatch, token):
    monkeypatch.setenv("COMPLETER_SERVER__TOKEN", token)

    with pytest.raises(SettingsError, match=r"server.token.*empty.*environment"):
        load_settings()


def test_space_around_a_token_is_no_part_of_it():
    settings = load_settings({"server": {"token": " hunter2\n"}}).settings

    assert settings.server.token.get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://localhost:3000", "http://localhost:3000"),
        ("HTTPS://IDE.Example/", "https://ide.example"),
        ("vscode-webview://1ab", "vscode-webview://1ab"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_origins_are_kept_as_browsers_write_them(given, kept):
    settings = load_settings({"server": {"allowed_origins": [given]}}).settings

    assert settings.server.allowed_origins == (kept,)


@pytest.mark.parametrize(
    "given",
    ["*", "null", "", "localhost:3000", "http://", "http://a/b", "http://a?b", "http://u@a"],
)
def test_what_is_no_origin_is_refused(given):
    with pytest.raises(SettingsError, match=r"server.allowed_origins.*http://localhost:3000"):
        load_settings({"server": {"allowed_origins": [given]}})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("header_timeout_s", 0),
        ("body_timeout_s", float("inf")),
        ("keep_alive_s", float("nan")),
        ("retry_after_s", -1),
        ("stream_group_ms", -1),
        ("stream_group_ms", "always"),
        ("max_header_kb", 0),
        ("max_running", 0),
        ("max_running_per_user", 0),
    ],
)
def test_limits_that_cannot_be_are_refused(name, value):
    with pytest.raises(SettingsError, match=f"server.{name}"):
        load_settings({"server": {name: value}})


def test_the_tokens_lie_beside_the_settings(monkeypatch, tmp_path):
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "mine" / "config.toml"))

    assert load_settings().settings.server.tokens == tmp_path / "mine" / "tokens.json"
    file = write(tmp_path / "c.toml", "[server]\nport = 1\n")
    assert load_settings(file=file).settings.server.tokens == tmp_path / "tokens.json"
    assert "server.tokens" not in load_settings(file=file).origins
    file = write(tmp_path / "d.toml", "[server]\ntokens = '/etc/tokens.json'\n")
    assert load_settings(file=file).settings.server.tokens == Path("/etc/tokens.json")


def test_the_token_is_not_shown():
    settings = load_settings({"server": {"token": "hunter2"}}).settings

    assert "hunter2" not in repr(settings)
    assert settings.server.token.get_secret_value() == "hunter2"


def test_a_repository_sets_how_its_code_is_completed(tmp_path):
    write(tmp_path / ".completer.toml", "[completion]\nmax_lines = 3\n")

    assert load_repository_settings(tmp_path).completion.max_lines == 3


def test_a_repository_stands_between_the_users_file_and_environment_and_flags(
    tmp_path, monkeypatch
):
    user = write(tmp_path / "c.toml", "[completion]\nmax_lines = 5\nmax_tokens = 20\n")
    monkeypatch.setenv("COMPLETER_COMPLETION__MULTILINE", "never")
    settings = load_settings({"drafting": {"enabled": True}}, user).settings
    own = "[completion]\nmax_lines = 3\nmultiline = 'always'\n[drafting]\nenabled = false\n"
    write(tmp_path / ".completer.toml", own)
    repository = load_repository_settings(tmp_path)
    merged = repository.over(settings)

    assert repository.given == {
        "completion.max_lines": 3,
        "completion.multiline": "always",
        "drafting.enabled": False,
    }
    assert (merged.completion.max_lines, merged.completion.max_tokens) == (3, 20)
    assert merged.completion.multiline == "never"
    assert merged.drafting.enabled
    assert merged.model == settings.model


@pytest.mark.parametrize(("wanted", "given"), [(9, 9), (10_000, 512)])
def test_a_repository_makes_its_index_smaller_and_not_larger(tmp_path, wanted, given):
    write(tmp_path / ".completer.toml", f"[drafting]\nmax_index_mb = {wanted}\n")
    merged = load_repository_settings(tmp_path).over(load_settings().settings)

    assert merged.drafting.max_index_mb == given


def test_a_repositorys_settings_lie_in_the_repository(tmp_path):
    elsewhere = write(tmp_path / "elsewhere.toml", "[completion]\nmax_lines = 3\n")
    root = tmp_path / "w"
    root.mkdir()
    (root / ".completer.toml").symlink_to(elsewhere)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_repository_settings(root)
    (root / ".completer.toml").unlink()
    os.mkfifo(root / ".completer.toml")
    with pytest.raises(SettingsError, match="not a regular file"):
        load_repository_settings(root)


def test_a_huge_file_is_refused(tmp_path):
    write(tmp_path / ".completer.toml", "#" * (LARGEST_REPOSITORY_FILE + 1))
    with pytest.raises(SettingsError, match="larger than"):
        load_repository_settings(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[model]\nsource = 'evil/model'\n",
        "[server]\nhost = '0.0.0.0'\n",
        "pure = true\n",
        "secrets = 'keep'\n",
    ],
)
def test_a_repository_sets_neither_models_nor_addresses_nor_what_is_learned(tmp_path, text):
    write(tmp_path / ".completer.toml", text)

    with pytest.raises(SettingsError) as refusal:
        load_repository_settings(tmp_path)
    assert "may only set" in refusal.value.hint


def test_pure_and_lossy_contradict_each_other():
    lossy = {"completion": {"exit_mode": "lossy"}}

    assert load_settings(lossy).settings.completion.exit_mode == "lossy"
    with pytest.raises(SettingsError, match="pure") as refusal:
        load_settings({**lossy, "pure": True})
    assert "one of the two" in refusal.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 10_000,
        "a = " + "{a = " * 3_000,
        "completion." + ".".join("a" * 7_000) + " = 1",
        "[" + ".".join("a" * 7_000) + "]",
        "completion = {" + ".".join("a" * 7_000) + " = 1}",
        "[completion]\nmax_lines = " + "9" * 10_000,
        "completion." + "a" * 10_000 + " = 1",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
    ids=range(8),
)
def test_a_file_made_to_hurt_is_refused_at_once(tmp_path, text):
    (tmp_path / ".completer.toml").write_text(text, "latin-1")
    began = time.process_time()
    with pytest.raises(SettingsError) as refusal:
        load_repository_settings(tmp_path)
    assert time.process_time() - began < 1
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize("text", ["a = " + "[" * 10_000, "model.x = " + "9" * 10_000])
def test_the_users_own_file_too(tmp_path, text):
    with pytest.raises(SettingsError):
        load_settings(file=write(tmp_path / "c.toml", text))


def test_settings_can_be_keys_of_what_is_remembered(tmp_path):
    file = write(tmp_path / "c.toml", '[[telemetry.teams]]\nname = "red"\npeople = ["ada"]\n')
    settings = load_settings(file=file).settings
    assert settings.telemetry.teams[0].people == ("ada",)
    assert {settings: 1}[load_settings(file=file).settings] == 1


SHOP = {"name": "shop", "git": "https://code.example/shop.git"}


def test_a_teams_repositories_are_named_one_by_one():
    found = load_settings({"server": {"team_workspaces": [SHOP]}}).settings.server
    assert [(each.name, each.people) for each in found.team_workspaces] == [("shop", None)]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"git": "file:///srv/shop"}, "https://"),
        ({"git": "/srv/shop"}, "https://"),
        ({"git": "ext::sh -c true"}, "https://"),
        ({"git": "http://code.example/shop"}, "https://"),
        ({"git": "git://code.example/shop"}, "https://"),
        ({"git": "https://code.example/"}, "https://"),
        ({"git": "https://ada:secret@code.example/shop"}, "deploy_key"),
        ({"git": "ssh://git@code.example/shop"}, "private key"),
        ({"name": "../shop"}, "name"),
        ({"name": ".git"}, "name"),
        ({"name": "-x"}, "name"),
        ({"branch": "--upload-pack=x"}, "branch"),
        ({"branch": "a:b"}, "branch"),
    ],
)
def test_what_is_no_teams_repository_is_refused(wrong, complaint):
    with pytest.raises(SettingsError, match=complaint):
        load_settings({"server": {"team_workspaces": [SHOP | wrong]}})


def test_two_of_a_name_would_lie_in_one_folder():
    with pytest.raises(SettingsError, match="one name"):
        load_settings({"server": {"team_workspaces": [SHOP, SHOP | {"name": "Shop"}]}})
