"""What the settings say reaches the front door."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from completer.cli.wiring import http_options, mirrors
from completer.http.options import HttpOptions
from completer.remote.mirrors import Quota
from completer.server_settings import ServerSettings
from completer.settings import Settings

OTHERS = {
    "token": "s3cret",
    "tokens": "/elsewhere/tokens.json",
    "allowed_hosts": ["box.lan"],
    "allowed_origins": ["http://localhost:3000"],
    "max_body_mb": 1,
    "max_header_kb": 1,
    "header_timeout_s": 1,
    "body_timeout_s": 1,
    "keep_alive_s": 1,
    "max_connections": 1,
    "max_running": 1,
    "max_running_per_user": 1,
    "retry_after_s": 9,
    "stream_group_ms": 7,
    "root_path": "/completer",
    "forwarded_allow_ips": "10.0.0.1",
    "team_workspaces": [{"name": "shop", "git": "https://code.example/shop"}],
    "team_folder": "/elsewhere/teams",
}
OF_MIRRORS = {"mirrors": "/elsewhere", "mirror_mb": 1, "mirror_files": 2, "mirror_days": 3}
OF_SERVING = {"host", "port", "tls_cert", "tls_key"}


def test_every_limit_is_a_setting():
    usual = http_options(Settings(), exposed=False)
    changed = http_options(Settings(server=ServerSettings(**OTHERS)), exposed=False)
    assert set(ServerSettings.model_fields) == {*OTHERS, *OF_MIRRORS, *OF_SERVING}
    same = [
        field.name
        for field in fields(HttpOptions)
        if getattr(usual, field.name) == getattr(changed, field.name)
    ]
    assert same == ["needs_token", "reports"]


def test_what_is_kept_of_people_elsewhere_is_bounded_by_settings():
    kept = mirrors(Settings(server=ServerSettings(**OF_MIRRORS)))
    assert kept.folder == Path("/elsewhere")
    assert kept.quota == Quota(max_bytes=1 << 20, max_files=2, days=3)
    assert mirrors(Settings()).quota == Quota()


UNLIKE = ("allowed_hosts", "token_file", "max_connections", "reports", "arm_of")


def test_the_defaults_of_the_settings_are_those_of_the_front_door():
    usual = http_options(Settings(), exposed=False)
    for field in fields(HttpOptions):
        if field.name not in UNLIKE:
            assert getattr(usual, field.name) == getattr(HttpOptions(), field.name), field.name


@pytest.mark.parametrize(("wanted", "exposed", "group_s"), [
    ("auto", False, 0.0), ("auto", True, 0.05), (0, True, 0.0), (20, False, 0.02),
])  # fmt: skip
def test_streams_to_other_machines_are_grouped_unless_told(wanted, exposed, group_s):
    settings = Settings(server=ServerSettings(stream_group_ms=wanted))
    assert http_options(settings, exposed=exposed).group_stream_s == group_s


@pytest.mark.parametrize(
    ("files", "connections"), [(64, 24), (1024, 984), (10**9, 10_000), (20, 8)]
)
def test_connections_leave_descriptors_for_files(monkeypatch, files, connections):
    monkeypatch.setattr("resource.getrlimit", lambda _: (files, files))
    assert http_options(Settings(), exposed=False).max_connections == connections


def test_an_exposed_server_needs_a_token_unless_told():
    settings = Settings()
    assert http_options(settings, exposed=True).needs_token
    assert not http_options(settings, exposed=True, insecure=True).needs_token
    assert not http_options(settings, exposed=False).needs_token


def test_a_host_of_no_name_is_no_name_to_answer_to():
    settings = Settings(server=ServerSettings(host=""))
    assert http_options(settings, exposed=True).allowed_hosts == ()
