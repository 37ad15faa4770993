"""Documentation that can fail: every setting and every command is described as it is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from benchmarks.__main__ import NAMES
from completer.cli.commands import app
from completer.settings import RepositorySettings, Settings
from models.fim_layouts import LAYOUTS

ROOT = Path(__file__).parent.parent
SETTINGS_PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
MACHINE_DEPENDENT = {
    "telemetry.folder",
    "cache_folder",
    "calibration_folder",
    "server.tokens",
    "server.mirrors",
    "server.team_folder",
}


def settings(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, f"{above}{name}.")
        else:
            yield f"{above}{name}", field


@pytest.mark.parametrize("name", list(dict(settings(Settings))))
def test_every_setting_is_described_with_its_default(name):
    field = dict(settings(Settings))[name]
    row = next((line for line in SETTINGS_PAGE.split("\n") if f"`{name}`" in line), "")

    assert row, f"docs/settings.md does not describe {name}"
    if name not in MACHINE_DEPENDENT:
        assert f"`{shown(field.default)}`" in row
    if field.description:
        assert field.description in row


def shown(default: object) -> str:
    if default in (None, (), ""):
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_what_a_repository_may_set_is_said():
    sections = RepositorySettings.model_fields
    assert all(f"`[{section}]`" in SETTINGS_PAGE for section in sections)


def commands(group: Any, above: str = "completer ") -> Iterator[str]:
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}"


BENCHMARKS = [f"python -m benchmarks {name}" for name in NAMES]


@pytest.mark.parametrize("command", [*commands(typer.main.get_command(app)), *BENCHMARKS])
def test_every_command_is_described(command):
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")

    assert f"`{command}" in page


def test_every_layout_is_described():
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")

    assert [each.name for each in LAYOUTS if f"`{each.name}`" not in page] == []


ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/]+\.py)`", ARCHITECTURE))))
def test_every_module_that_is_named_exists(name):
    packages = ("completer", "lsp", "telemetry", "models", "benchmarks")
    assert any(list((ROOT / package).rglob(Path(name).name)) for package in packages)
    if "/" in name:
        assert any((above / name).exists() for above in (ROOT, ROOT / "completer"))


def test_the_glossary_is_short():
    rows = ARCHITECTURE.split("## Three places to begin")[0].split("|---|---|\n")[1].strip()
    assert len(rows.split("\n")) <= 25
