"""Times of the drafting index: build, memory, proposals, updates, stalls of other threads."""

import threading
import time
import timeit
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmarks.draft_cases import Int32s, Streams
from benchmarks.draft_walks import FIRST_TOKEN, SessionWalker, walk
from completer.drafting.corpus import Corpus
from completer.drafting.drafter import Drafter
from completer.drafting.session import DraftSession
from completer.drafting.suffix_array import SuffixArray, join_streams
from completer.drafting.tree import DraftTree

UPDATES = 60
UPDATE_TOKENS = 3000
_STALL_RUNS = 5
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def time_build(streams: list[Int32s], vocabulary_size: int) -> dict[str, float]:
    """Sort a corpus, for memory and (best of five) time; the keys of `--json`."""
    text, _ = join_streams(streams)
    SuffixArray.build(text[: 1 << 12].copy(), vocabulary_size)
    before = _peak_bytes(reset=True)
    array = SuffixArray.build(text, vocabulary_size)
    peak = _peak_bytes(reset=False) - before + text.nbytes
    seconds = min(timeit.repeat(lambda: SuffixArray.build(text, vocabulary_size), number=1))
    return {
        "tokens": len(text),
        "build_tokens_per_s": len(text) / seconds,
        "bytes_per_token": array.nbytes / len(text),
        "peak_bytes_per_token": peak / len(text),
    }


def time_stalls(streams: Streams, vocabulary_size: int) -> dict[str, float]:
    """Return by how many milliseconds another Python thread woke too late, p99.9.

    "build": while a corpus was taken in and sorted, five times; "idle": while nothing was, as long.
    """
    late: dict[str, list[float]] = {"build": [], "idle": []}
    for _ in range(_STALL_RUNS):
        corpus = Corpus(vocabulary_size)
        began = time.perf_counter()
        with _StallClock() as clock:
            for name, ids in streams.items():
                corpus.add(name, ids)
            corpus.merge()
        late["build"] += clock.stalls_ms
        with _StallClock() as clock:
            time.sleep(time.perf_counter() - began)
        late["idle"] += clock.stalls_ms
    return {name: float(np.percentile(times or [0.0], 99.9)) for name, times in late.items()}


class _StallClock:
    """A thread that wakes each millisecond and notes how much later it was than that."""

    def __init__(self) -> None:
        self.stalls_ms: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.is_set():
            begin = time.perf_counter()
            time.sleep(0.001)
            self.stalls_ms.append((time.perf_counter() - begin) * 1e3 - 1.0)

    def __enter__(self) -> "_StallClock":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _peak_bytes(*, reset: bool) -> int:
    """Return this process's largest resident size, since the last reset where Linux allows that."""
    if reset:
        with suppress(OSError):
            _RESET.write_text("5")
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) << 10
    return 0


class _TimedWalker(SessionWalker):
    """Notes how long each proposal took, in microseconds."""

    def __init__(self, session: DraftSession, times_us: list[float]) -> None:
        super().__init__(session)
        self._times_us = times_us

    def propose(self) -> DraftTree:
        """Return a draft of what follows."""
        begin = time.perf_counter()
        tree = super().propose()
        self._times_us.append((time.perf_counter() - begin) * 1e6)
        return tree


def time_proposals(drafter: Drafter, held_out: Streams) -> list[float]:
    """Return microseconds of whole `propose` calls on walks along held-out files."""
    times: list[float] = []
    for name, ids in held_out.items():
        with drafter.start(ids[:FIRST_TOKEN], document=name) as session:
            walk(_TimedWalker(session, times), ids[FIRST_TOKEN:].tolist())
        drafter.close_document(name)
    return times


def time_updates(drafter: Drafter, streams: Streams, seed: int) -> list[float]:
    """Return milliseconds of replacing a saved file by a wholly different one of 3,000 tokens."""
    rng = np.random.default_rng(seed)
    text = np.concatenate(list(streams.values()))
    names = sorted(streams, key=lambda name: abs(len(streams[name]) - UPDATE_TOKENS))[:UPDATES]
    times = []
    for name in names:
        start = int(rng.integers(0, max(1, len(text) - UPDATE_TOKENS)))
        begin = time.perf_counter()
        drafter.update_file(name, text[start : start + UPDATE_TOKENS])
        times.append((time.perf_counter() - begin) * 1e3)
    return times
