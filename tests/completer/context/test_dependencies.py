import time
from collections import Counter
from pathlib import Path

import pytest

from completer.context.dependencies import (
    dependency_roots,
    imported_packages,
    iter_dependencies,
    packages_in,
)
from completer.context.workspace import Workspace


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


SITE = ".venv/lib/python3.11/site-packages"


@pytest.fixture
def project(tmp_path):
    return write(
        tmp_path / "project",
        {
            "app.py": "import shop\nimport six\nfrom shop.cart import Cart\nimport app\n",
            "tool.py": "from shop import x\n",
            "web/main.ts": "import { a } from '@acme/ui';\nconst b = require('lodash/fp')\n",
            ".venv/pyvenv.cfg": "",
            ".venv/.gitignore": "*\n",
            f"{SITE}/shop/__init__.py": "x = 1\n",
            f"{SITE}/shop/cart.py": "class Cart: ...\n",
            f"{SITE}/shop/tests/test_cart.py": "",
            f"{SITE}/shop/README.md": "",
            f"{SITE}/shop/data.json": "{}",
            f"{SITE}/unused/__init__.py": "",
            f"{SITE}/six.py": "y = 1\n",
            "node_modules/@acme/ui/index.ts": "export const a = 1;\n",
            "node_modules/lodash/lodash.js": "module.exports = 1;\n",
            "node_modules/lodash/lodash.min.js": "",
        },
    )


def test_what_is_installed_for_the_workspace_is_found(project):
    workspace = Workspace(project)
    assert dependency_roots(workspace) == [project / SITE, project / "node_modules"]


def test_without_an_environment_of_its_own_the_active_one_counts(tmp_path, monkeypatch):
    site = tmp_path / "active" / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    (tmp_path / "project").mkdir()
    workspace = Workspace(tmp_path / "project")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    assert dependency_roots(workspace) == [site]
    monkeypatch.delenv("VIRTUAL_ENV")
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    assert [root.name for root in dependency_roots(workspace)] == ["site-packages"]


def test_imports_are_counted_by_file(project):
    counts = imported_packages(Workspace(project))
    assert counts["shop"] == 2
    assert counts["six"] == counts["@acme/ui"] == counts["lodash"] == 1


def test_relative_imports_are_no_packages():
    assert packages_in("from . import a\nfrom .b import c\n", "python") == set()
    assert packages_in("import x from './y'\nimport '../z'\n", "typescript") == set()
    assert packages_in("use std::io;", "rust") == set()


def test_only_imported_packages_the_most_imported_first(project):
    workspace = Workspace(project)
    files = [
        file.path.relative_to(project).as_posix()
        for file in iter_dependencies(workspace, imported_packages(workspace))
    ]
    assert files == [
        f"{SITE}/shop/__init__.py",
        f"{SITE}/shop/cart.py",
        "node_modules/@acme/ui/index.ts",
        "node_modules/lodash/lodash.js",
        f"{SITE}/six.py",
    ]


def test_the_bound_holds(project):
    imported = Counter({"shop": 2, "six": 1})
    files = list(iter_dependencies(Workspace(project), imported, max_bytes=48))
    assert [file.path.name for file in files] == ["__init__.py", "six.py"]
    assert list(iter_dependencies(Workspace(project), imported, max_bytes=0)) == []


def test_a_link_to_a_folder_elsewhere_is_no_package(project, tmp_path):
    write(tmp_path / "private", {"__init__.py": "secret = 1\n"})
    (project / SITE / "leak").symlink_to(tmp_path / "private")
    assert list(iter_dependencies(Workspace(project), {"leak": 1})) == []


def test_long_white_space_is_read_in_linear_time():
    def seconds(length):
        began = time.process_time()
        packages_in("import" + " " * length + "x", "javascript")
        return time.process_time() - began

    assert seconds(80_000) < 24 * max(seconds(10_000), 0.001)
    assert packages_in("import ( 'a'); import 'b'\nimport('c')", "javascript") == {"a", "b", "c"}
