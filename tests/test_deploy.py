"""What images are built from is what the wheel is built from."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def test_an_image_gets_all_that_the_wheel_needs_and_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = [project["project"]["readme"], *project["project"]["license-files"]]
    needed = {*packages, *files, "pyproject.toml", "constraints.txt"}
    rules = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert {rule[1:] for rule in rules if rule.startswith("!")} == needed
    assert all((ROOT / name).exists() for name in needed)


def test_what_is_written_goes_to_volumes_of_a_user_of_its_own():
    said = (DEPLOY / "Dockerfile").read_text("utf-8")
    (volumes,) = re.findall(r"^VOLUME \[(.*)\]$", said, re.MULTILINE)
    places = re.findall(r"(?:HOME|FOLDER)=(\S+)", said)
    assert {f'"{place}"' for place in places} == set(volumes.split(", "))
    assert said.index("USER 10001") < said.index("ENTRYPOINT")
    for name in volumes.replace('"', "").split(", "):
        assert f":{name}\n" in (DEPLOY / "compose.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "how"),
    [("compose.yaml", "read_only: true"), ("rayservice.yaml", "readOnlyRootFilesystem: true")],
)
def test_the_root_is_read_only(name, how):
    assert how in (DEPLOY / name).read_text("utf-8")


def test_ray_is_the_version_that_is_pinned():
    (said,) = re.findall(r'rayVersion: "(.*)"', (DEPLOY / "rayservice.yaml").read_text("utf-8"))
    pinned = re.findall(r"^ray==(.*)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    assert set(pinned) <= {said}
