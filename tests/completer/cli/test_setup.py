"""`completer setup` on a machine of its own, with stand-ins for the programs that it calls."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from completer.cli import setup as command
from completer.cli.commands import app
from completer.installation import best_model
from completer.settings import CONFIG_VARIABLE, ModelSettings, Settings, load_settings
from models.errors import ModelError
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
    monkeypatch.setattr(best_model, "memory_gb", lambda: 16.0)
    assert "Qwen/Qwen2.5-Coder-1.5B in bfloat16 is in" in run("--yes", "--no-doctor")
    config = Path(os.environ[CONFIG_VARIABLE])
    chosen = load_settings(file=config).settings
    assert (chosen.model.source, chosen.model.dtype) == ("Qwen/Qwen2.5-Coder-1.5B", "bfloat16")
    assert command.better_model(chosen, config) is None
    monkeypatch.setattr("models.hub.speed.bytes_per_second", lambda cache: 1e7)
    assert command.better_model(Settings(), config) is None


@pytest.fixture
def two_here(monkeypatch):
    """Two models on this machine, which has products of int8 and int4."""
    sources = ["Qwen/Qwen2.5-Coder-0.5B", "Qwen/Qwen2.5-Coder-7B"]
    here = [LocalModel(name, "Hugging Face", name, 1) for name in sources]
    monkeypatch.setattr("models.hub.local.local_models", lambda: here)
    monkeypatch.setattr("models.quantising.check_device", lambda dtype, device: None)


def offered(settings):
    offer = command.better_model(settings, Path("c.toml")).offer
    return offer.replace(", which is on this machine", "")


@pytest.mark.parametrize(
    ("memory", "said", "chosen"),
    [
        (40, "auto", "7B, in bfloat16,"),
        (20, "auto", "7B, in int8,"),
        (20, "int4", "7B?"),
        (20, "float32", "0.5B?"),
        (20, "bfloat16", "0.5B?"),
        (18, "auto", "0.5B, in bfloat16,"),  # in int8 it would stay, but is read in bfloat16 first
    ],
)
def test_the_most_exact_dtype_that_fits_is_offered(two_here, monkeypatch, memory, said, chosen):
    monkeypatch.setattr(best_model, "memory_gb", lambda: memory)
    monkeypatch.setattr("models.hub.speed.bytes_per_second", lambda cache: 1e12)
    settings = Settings(model=ModelSettings(dtype=said))
    offer = offered(settings)
    assert offer.startswith(f"Use Qwen/Qwen2.5-Coder-{chosen}")


def test_int4_is_for_machines_that_are_slow(two_here, monkeypatch):
    monkeypatch.setattr(best_model, "memory_gb", lambda: 64)
    monkeypatch.setattr("models.hub.speed.bytes_per_second", lambda cache: 1.5e11)
    assert "7B, in int4," in offered(Settings())

    def refuse(dtype, device):
        raise ModelError("not here")

    monkeypatch.setattr("models.quantising.check_device", refuse)
    assert "0.5B, in bfloat16," in offered(Settings())


def test_a_mixture_of_experts_is_not_quantised(monkeypatch):
    name = "Qwen/Qwen3-Coder-30B-A3B-Instruct"
    here = [LocalModel(name, "Hugging Face", name, 1)]
    monkeypatch.setattr("models.hub.local.local_models", lambda: here)
    monkeypatch.setattr("models.hub.speed.bytes_per_second", lambda cache: 1e12)
    monkeypatch.setattr(best_model, "memory_gb", lambda: 100)
    assert command.better_model(Settings(), Path("c.toml")) is None
    monkeypatch.setattr(best_model, "memory_gb", lambda: 130)
    assert "in bfloat16," in offered(Settings())


def test_the_model_and_its_dtype_are_given_back(machine, two_here, monkeypatch):
    monkeypatch.setattr(best_model, "memory_gb", lambda: 20)
    monkeypatch.setattr("models.hub.speed.bytes_per_second", lambda cache: 1e12)
    undone = []
    monkeypatch.setattr("completer.installation.record.run", undone.append)
    assert "7B in int8 is in" in run("--yes", "--no-doctor")
    run("--remove")
    _, *arguments = undone[0]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    chosen = load_settings().settings.model
    assert (chosen.source, chosen.dtype) == ("bundled", "auto")


def test_each_is_asked_for_and_a_token_is_made(machine):
    nvim(machine, 12)
    said = run("--no-doctor", input="n\ny\nada\n")
    assert "Install the plugin for Neovim 0.12? [Y/n]: n" in said
    assert not (machine / PACKAGE).exists()
    assert len(said.split()[-1]) > 20
    assert "ada" in (machine / "tokens.json").read_text()
