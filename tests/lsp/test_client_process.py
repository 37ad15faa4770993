"""Whether the process at the other end is there."""

import asyncio
import os
import subprocess
import sys

import pytest

from lsp.client_process import can_be_watched, gone


@pytest.fixture
def process():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("with_descriptor", [True, False])
async def test_the_end_of_a_process_is_noticed(process, with_descriptor, monkeypatch):
    if not with_descriptor:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert can_be_watched(process.pid)
    watching = asyncio.ensure_future(gone(process.pid))
    await asyncio.sleep(0.2)
    assert not watching.done()
    process.kill()
    if not with_descriptor:
        process.wait()  # until its parent has asked for it, it counts as there
    await asyncio.wait_for(watching, 2)


async def test_one_that_has_ended_meanwhile_is_gone(process):
    process.kill()
    process.wait()
    await asyncio.wait_for(gone(process.pid), 2)


@pytest.mark.parametrize("pid", [-1, 0, 2**22 - 7, 2**40, 2**80])
def test_what_cannot_be_seen_is_not_watched(pid):
    assert not can_be_watched(pid)
