"""Editors on other machines are told why a cluster does not let them in."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from completer.cluster.no_editors import WHY, NoEditors
from completer.http.app import create_app
from tests.completer.http.live import serving
from tests.fakes import FakeRecorder, FakeService


async def test_they_are_refused_with_what_to_use():
    app = create_app(FakeService(), FakeRecorder(), remote=NoEditors())
    async with serving(app) as port:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"ws://127.0.0.1:{port}/v1/remote/3"):
                pass
    assert refused.value.response.status_code == 501
    assert WHY.encode() in (refused.value.response.body or b"")
