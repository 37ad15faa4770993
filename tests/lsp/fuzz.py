"""Random frames and edits in large numbers: `python -m tests.lsp.fuzz [COUNT] [SEED]`.

Edits must leave the buffer equal to the oracle in every encoding; after any noise between frames
the decoder must hear the next ones. Prints what it did; a difference ends it with the case.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter

from lsprotocol.types import PositionEncodingKind

from lsp.framing import FrameDecoder, FrameError
from lsp.text_buffer import TextBuffer
from tests.lsp.test_text_buffer import ALPHABET, Edit, Oracle, apply

ENCODINGS = [PositionEncodingKind.Utf16, PositionEncodingKind.Utf32]
EDITS_PER_DOCUMENT = 50


def random_text(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(ALPHABET, k=chance.randrange(length)))


def random_edit(chance: random.Random) -> Edit:
    start, end = ((chance.randrange(8), chance.randrange(10)) for _ in range(2))
    return Edit(start, end, random_text(chance, 6))


def fuzz_edits(count: int, chance: random.Random) -> None:
    """Apply `count` edits, some hundred to each document."""
    for number in range(count // EDITS_PER_DOCUMENT):
        encoding = ENCODINGS[number % len(ENCODINGS)]
        text = random_text(chance, 20)
        buffer, oracle = TextBuffer(text, encoding), Oracle(text, encoding)
        for _ in range(EDITS_PER_DOCUMENT):
            before, edit = buffer.text, random_edit(chance)
            apply(buffer, edit)
            oracle.replace(edit)
            if buffer.text != oracle.text:
                raise SystemExit(f"{before!r} {edit} -> {buffer.text!r}, not {oracle.text!r}")


def random_noise(chance: random.Random) -> bytes:
    """Bytes between frames: a broken header or body, or anything."""
    length = chance.choice([b"-1", b"x", b"", b"99999999999", b"3", b"5000"])
    match chance.randrange(4):
        case 0:
            return chance.randbytes(chance.randrange(40))
        case 1:
            return b"Content-Length: " + length + b"\r\n\r\n" + chance.randbytes(5)
        case 2:
            return b"content-length:" + length + b"\n\n{"
        case _:
            return b'{"id": 1}\r\n\r\n'


def fuzz_frames(count: int, chance: random.Random) -> Counter[str]:
    """Decode `count` frames with noise between some of them, cut anywhere."""
    decoder, seen, lost = FrameDecoder(4096), Counter[str](), 0
    for number in range(count):
        body = json.dumps({"number": number}).encode()
        frame = b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        noise = random_noise(chance) if chance.random() < 0.1 else b""
        data = noise + frame
        cut = chance.randrange(len(data))
        messages = [*decoder.feed(data[:cut]), *decoder.feed(data[cut:])]
        seen["errors"] += sum(isinstance(message, FrameError) for message in messages)
        heard = {"number": number} in messages
        seen["heard"] += heard
        lost = 0 if heard else lost + 1
        if lost > 3:
            raise SystemExit(f"deaf since frame {number - lost}")
    return seen


def main(count: int = 100_000, seed: int = 1) -> None:
    chance = random.Random(seed)
    started = time.perf_counter()
    fuzz_edits(count, chance)
    print(f"{count} edits equal the oracle, {time.perf_counter() - started:.0f} s")
    started = time.perf_counter()
    print(
        f"{count} frames: {dict(fuzz_frames(count, chance))}, {time.perf_counter() - started:.0f} s"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
