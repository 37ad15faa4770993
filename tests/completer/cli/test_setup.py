"""`completer setup` on a machine of its own, with stand-ins for the programs that it calls."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from completer.cli import setup as command
from completer.cli.commands import app
from completer.settings import CONFIG_VARIABLE, Settings, load_settings
from models.hub.local import LocalModel

NVIM = """#!/bin/sh
echo '{"version": {"major": 0, "minor": MINOR}, "data": "DATA"}'
"""
LOGS = '#!/bin/sh\necho "${0##*/} $*" >> CALLS\n'


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A home and a PATH with nothing in them."""
    (tmp_path / "bin").mkdir()
    for name, value in {
        "HOME": tmp_path / "home",
        "PATH": f"{tmp_path / 'bin'}:/bin:/usr/bin",
        "XDG_CONFIG_HOME": tmp_path / "config",
        "XDG_DATA_HOME": tmp_path / "data",
        "XDG_CACHE_HOME": tmp_path / "cache",
        CONFIG_VARIABLE: tmp_path / "config.toml",
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("models.hub.local.local_models", list)
    monkeypatch.setattr(command.shutil, "which", _which(tmp_path / "bin"))
    monkeypatch.setattr("models.hub.speed.bytes_per_second", lambda cache: 1e11)
    return tmp_path


def _which(folder):
    return lambda name: str(folder / name) if (folder / name).exists() else None


def program(machine, name, text=LOGS):
    file = machine / "bin" / name
    file.write_text(text.replace("CALLS", str(machine / "calls")))
    file.chmod(0o755)


def nvim(machine, minor):
    program(machine, "nvim", NVIM.replace("MINOR", str(minor)).replace("DATA", str(machine / "nv")))


def run(*arguments, **options):
    result = CliRunner().invoke(app, ["setup", *arguments], **options)
    assert result.exit_code == 0, result.output
    return result.output


def calls(machine):
    return (machine / "calls").read_text().splitlines()


PACKAGE = "nv/site/pack/completer/start/completer"


def test_neovim_gets_the_plugin_and_gives_it_back(machine):
    nvim(machine, 11)
    assert "Neovim 0.11" in run("--yes", "--no-doctor")
    package = machine / PACKAGE
    assert (package / "lua/completer/init.lua").exists()
    set_up = (package / "after/plugin/completer_setup.lua").read_text()
    assert f"cmd = {{ {json.dumps(str(command.program_path()))}, 'lsp' }}" in set_up
    run("--yes", "--no-doctor")  # once more is an update
    assert f"removed {package}" in run("--remove")
    assert not package.exists()
    assert run("--remove") == "nothing was there\n"


def test_one_part_can_be_named(machine):
    nvim(machine, 12)
    program(machine, "systemctl")
    assert "Neovim" not in run("--yes", "--no-doctor", "--only", "autostart")
    assert not (machine / PACKAGE).exists()


def test_an_old_neovim_and_somebody_elses_plugin_are_left_alone(machine):
    nvim(machine, 10)
    assert run("--yes", "--no-doctor") == ""
    nvim(machine, 12)
    (machine / PACKAGE).mkdir(parents=True)
    assert "not from `completer setup`" in run("--yes", "--no-doctor")
    run("--remove")
    assert (machine / PACKAGE).exists()


@pytest.fixture
def vsix(machine, monkeypatch):
    plugins = machine / "lsp" / "editors"
    (plugins / "vscode").mkdir(parents=True)
    (plugins / "vscode" / "completer-0.1.0.vsix").write_text("")
    monkeypatch.setattr("lsp.__file__", str(machine / "lsp" / "__init__.py"))
    return plugins / "vscode" / "completer-0.1.0.vsix"


def test_vs_code_gets_the_extension_and_is_told_the_program(machine, vsix):
    program(machine, "codium")
    settings = machine / "config/VSCodium/User/settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"editor.fontSize": 12}')
    assert "VSCodium: the extension is installed" in run("--yes", "--no-doctor")
    told = {"editor.fontSize": 12, "completer.command": str(command.program_path())}
    assert json.loads(settings.read_text()) == told
    run("--remove")
    assert calls(machine) == [
        f"codium --install-extension {vsix} --force",
        "codium --uninstall-extension completer.completer",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{ // mine\n"a": 1 }', 'put "completer.command": '),
        ('{"completer.command": "x"}', "stays x"),
    ],
)
def test_settings_that_are_a_persons_own_stay(machine, vsix, text, said):
    program(machine, "code")
    settings = machine / "config/Code/User/settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(text)
    assert said in run("--yes", "--no-doctor")
    assert settings.read_text() == text


def test_without_a_built_extension_it_is_told_how_to_build_it(machine, monkeypatch):
    monkeypatch.setattr("lsp.__file__", str(machine / "lsp" / "__init__.py"))
    program(machine, "code")
    assert "make vsix" in run("--yes", "--no-doctor")


def test_the_server_starts_with_the_session(machine):
    program(machine, "systemctl")
    run("--yes", "--no-doctor")
    unit = machine / "config/systemd/user/completer.service"
    assert f"ExecStart={command.program_path()} serve" in unit.read_text()
    run("--remove")
    assert not unit.exists()
    assert calls(machine) == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now completer.service",
        "systemctl --user disable --now completer.service",
    ]


def test_without_a_session_it_is_told_what_to_do_by_hand(machine):
    program(machine, "systemctl", "#!/bin/sh\necho no bus >&2\nexit 1\n")
    assert "no bus. In your session, run `systemctl --user enable" in run("--yes", "--no-doctor")


def test_the_largest_model_that_fits_is_chosen(machine, monkeypatch):
    names = ["Qwen/Qwen2.5-Coder-0.5B", "Qwen/Qwen2.5-Coder-1.5B", "Qwen/Qwen2.5-Coder-32B", "a/b"]
    here = [LocalModel(name, "Hugging Face", name, 1) for name in names]
    monkeypatch.setattr("models.hub.local.local_models", lambda: here)
    monkeypatch.setattr(command, "_memory_gb", lambda: 16.0)
    assert "Qwen/Qwen2.5-Coder-1.5B is in" in run("--yes", "--no-doctor")
    config = Path(os.environ[CONFIG_VARIABLE])
    chosen = load_settings(file=config).settings
    assert chosen.model.source == "Qwen/Qwen2.5-Coder-1.5B"
    assert command.better_model(chosen, config) is None
    monkeypatch.setattr("models.hub.speed.bytes_per_second", lambda cache: 1e7)
    assert command.better_model(Settings(), config) is None


def test_each_is_asked_for_and_a_token_is_made(machine):
    nvim(machine, 12)
    said = run("--no-doctor", input="n\ny\nada\n")
    assert "Install the plugin for Neovim 0.12? [Y/n]: n" in said
    assert not (machine / PACKAGE).exists()
    assert len(said.split()[-1]) > 20
    assert "ada" in (machine / "tokens.json").read_text()
