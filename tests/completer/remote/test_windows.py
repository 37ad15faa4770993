"""A laptop that runs Windows, as far as its names on the wire go: the server's are of this system.

The laptop's side is played: paths are spelled as Windows spells them, and answers read as it would.
"""

from __future__ import annotations

import json
from pathlib import PureWindowsPath

import pytest
from websockets.asyncio.client import connect

from completer.engine_process.messages import PROTOCOL
from completer.next_edit.edits import NextEdit, Point
from completer.remote.connecting import PATH
from completer.remote.mirror import FILES, Mirror
from completer.remote.names import digest_of
from tests.completer.http.live import eventually
from tests.completer.remote.machines import LONG_S, machine

TEXT = "class Store:\n    pass\n"


@pytest.mark.parametrize("root", ["C:\\Users\\Ada\\shop", "\\\\files\\team\\shop", "d:\\é ü\\shop"])
async def test_names_of_windows_are_those_of_its_files(tmp_path, root):
    file = str(PureWindowsPath(root) / "src" / "store.py")
    async with machine(tmp_path / "server") as there:
        uri = f"ws{there.address.removeprefix('http')}{PATH}/{PROTOCOL}"
        header = {"Authorization": f"Bearer {there.token_for('ada').read_text().strip()}"}
        async with connect(uri, additional_headers=header) as socket:

            async def say(kind: str, **fields: object) -> None:
                await socket.send(json.dumps({"kind": kind, **fields}))

            async def heard(kind):
                while (said := json.loads(await socket.recv()))["kind"] != kind:
                    pass
                return said

            await say("open", root=root)
            listed = {"name": "src/store.py", "digest": digest_of(TEXT.encode()), "size": len(TEXT)}
            await say("list_files", root=root, files=[{**listed, "whole": True}])
            wanted = await heard("wanted")
            assert PureWindowsPath(wanted["root"]) == PureWindowsPath(root)
            await say("send_texts", root=root, texts=[TEXT])
            await eventually(lambda: there.service.opened, LONG_S)
            (folder,) = there.mirrors.of("ada").folder.glob(f"*/{FILES}")
            mirror = Mirror(folder.parent)
            assert mirror.read("src/store.py") == TEXT

            place = mirror.root / "src/store.py"
            await say("document", path=file, text="edited")
            request = {"prefix": "x", "path": file, "workspace": root}
            await say("complete", id=1, request=request)
            await heard("completed")
            assert there.service.documents == {place: "edited"}
            asked = there.service.requests[-1]
            assert (asked.path, asked.workspace) == (place, mirror.root)
            assert asked.workspace_name == "shop"

            edit = NextEdit(place, Point(0, ""), Point(0, "a"), "a", "b", "renamed")
            there.service.edits = (edit,)
            hunk = {"path": file, "start": 0, "old": "a", "new": "b"}
            edits = {"path": file, "text": "a", "offset": 0, "history": [hunk]}
            await say("find_next_edits", id=2, request=edits)
            (found,) = (await heard("next_edits_found"))["edits"]
            assert PureWindowsPath(found["path"]) == PureWindowsPath(file)
            assert there.service.asked_for_edits[0].history[0].path == place

            outside = {"prefix": "x", "path": "E:\\elsewhere\\other.py"}
            await say("complete", id=3, request=outside)
            await heard("completed")
            assert str(there.service.requests[-1].path) == "other.py"
            climbing = {"prefix": "x", "path": f"{root}\\..\\..\\secret.py"}
            await say("complete", id=4, request=climbing)
            assert (await heard("failed"))["error"] == "BadRequestError"

            await say("close", root=root)
            await eventually(lambda: there.service.closed_workspaces == [mirror.root], LONG_S)
