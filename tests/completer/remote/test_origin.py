"""A clone says of which repository it is, and nothing else that its configuration holds."""

import pytest

from completer.remote.origin import LONGEST, identity, origin_of
from tests.completer.remote.git_server import git


@pytest.mark.parametrize(
    "url",
    [
        "https://code.example/shop/web",
        "https://code.example/shop/web.git",
        "https://ada:secret@Code.Example:443/shop/web.git/",
        "ssh://git@code.example/shop/web.git",
        "ssh://git@code.example:22/shop/web",
        "git@code.example:shop/web.git",
        "code.example:/shop/web.git",
        "git://code.example/shop/web",
    ],
)
def test_one_repository_has_one_identity_whatever_its_address(url):
    assert identity(url) == "code.example/shop/web"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/git/web.git",
        "../web",
        "file:///srv/git/web.git",
        "ext::sh -c whoami",
        "C:\\repositories\\web",
        "C:/repositories/web",
        "https://code.example/",
        "https://code.example:x/web",
        "https:///web",
        "https://code.example/a\nb",
        "https://code.example/" + "a" * LONGEST,
    ],
)
def test_what_is_on_no_other_machine_has_none(url):
    assert identity(url) == ""


def test_other_repositories_are_told_apart():
    urls = ["https://a.example/x", "https://b.example/x", "https://a.example/X", "a.example:y"]
    assert len({identity(url) for url in [*urls, "https://a.example:8443/x"]}) == 5


def test_a_clone_is_asked_for_its_origin(tmp_path):
    assert origin_of(tmp_path) == ""
    git(tmp_path, "init", "-q")
    assert origin_of(tmp_path) == ""
    git(tmp_path, "remote", "add", "origin", "https://ada:secret@code.example/shop/web.git")
    assert origin_of(tmp_path) == "code.example/shop/web"
    (tmp_path / "below").mkdir()
    assert origin_of(tmp_path / "below") == ""
