"""Replicas of one engine under load: a simulation of discrete events.

Time jumps to the next event: a request comes, or a replica's step ends. A step goes as in
`completer/engine/scheduler.py`: all that decode take part in it, and a bounded piece of prompts.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil, inf
from typing import Literal

Fate = Literal["answered", "cancelled", "refused"]
IMBALANCE = 1.25  # of loads, beyond which a person's own replica is passed over


@dataclass(frozen=True, slots=True)
class Request:
    """Asked for `at` so many seconds by a person; `until` then the answer is of use."""

    at: float
    person: int
    tokens: int
    until: float = inf


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a request, when (seconds), and whether its replica had the person's keys.

    Of one that never ran, that is None.
    """

    request: Request
    at: float
    fate: Fate
    is_warm: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How a replica works: limits as in the settings, times in seconds.

    `step_s[n]` is a step in which n sequences decode, `prompt_s` what each token of a prompt adds.
    A prompt has `cold_tokens` to compute, `warm_tokens` where the person's keys are still there:
    those of `kept` people are.
    """

    step_s: tuple[float, ...]
    prompt_s: float
    tokens_per_step: float
    cold_tokens: int
    warm_tokens: int
    kept: int
    max_running: int = 16
    max_waiting: int = 64
    prefill_chunk: int = 256
    undisturbed: int = 4


@dataclass(slots=True)
class _Job:
    request: Request
    prompt: int
    steps: int
    is_warm: bool
    chunk: int = 0


class Replica:
    """One engine: what waits, what runs, whose keys it has, and when its step `ends`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: deque[Request] = deque()
        self._running: list[_Job] = []
        self._kept: OrderedDict[int, None] = OrderedDict()
        self.ends: float | None = None
        self.busy_s = 0.0

    @property
    def load(self) -> int:
        """How many requests are here."""
        return len(self._waiting) + len(self._running)

    def take(self, request: Request) -> bool:
        """Queue a request, if there is room."""
        has_room = len(self._waiting) < self._engine.max_waiting
        if has_room:
            self._waiting.append(request)
        return has_room

    def go_on(self, now: float) -> list[Ended]:
        """End the step that ends now, if any, and begin the next; what ended with it."""
        done = self._finish()
        void = [job for job in self._running if job.request.until <= now]
        self._running = [job for job in self._running if job.request.until > now]
        over = [
            Ended(
                job.request,
                now,
                "answered" if job.request.until > now else "cancelled",
                job.is_warm,
            )
            for job in done + void
        ]
        over += [Ended(each, now, "cancelled") for each in self._waiting if each.until <= now]
        self._waiting = deque(each for each in self._waiting if each.until > now)
        while self._waiting and len(self._running) < self._engine.max_running:
            self._running.append(self._admitted(self._waiting.popleft()))
        self._begin(now)
        return over

    def _finish(self) -> list[_Job]:
        """Take the step's work off; the jobs that are done."""
        if self.ends is None:
            return []
        for job in self._running:
            decoded, job.prompt = job.prompt == job.chunk, job.prompt - job.chunk
            job.steps -= decoded
        done = [job for job in self._running if job.steps == 0]
        self._running = [job for job in self._running if job.steps > 0]
        return done

    def _admitted(self, request: Request) -> _Job:
        is_warm = request.person in self._kept
        self._kept[request.person] = None
        self._kept.move_to_end(request.person)
        if len(self._kept) > self._engine.kept:
            self._kept.popitem(last=False)
        prompt = self._engine.warm_tokens if is_warm else self._engine.cold_tokens
        return _Job(request, prompt, ceil(request.tokens / self._engine.tokens_per_step), is_warm)

    def _begin(self, now: float) -> None:
        decoding = sum(job.prompt == 0 for job in self._running)
        room = self._engine.prefill_chunk * (1 if decoding else self._engine.undisturbed)
        prompts = 0
        for job in self._running:
            job.chunk = min(job.prompt, room - prompts)
            prompts += job.chunk
        took = self._engine.step_s[decoding] + self._engine.prompt_s * prompts
        self.ends = now + took if self._running else None
        self.busy_s += took if self._running else 0.0


@dataclass(slots=True)
class Run:
    """What became of all requests, the replicas' busy seconds, and when the last one ended.

    `presence_s` is the integral over time of how many requests were inside.
    """

    ended: list[Ended] = field(default_factory=list)
    busy_s: float = 0.0
    end_s: float = 0.0
    presence_s: float = 0.0


def simulate(
    requests: Iterable[Request], engine: Engine, replicas: int, *, affinity: bool = True
) -> Run:
    """Have replicas answer requests, which come in the order of their times."""
    fleet, run = [Replica(engine) for _ in range(replicas)], Run()
    coming, steps = deque(requests), list[tuple[float, int]]()
    while coming or steps:
        comes = not steps or (coming and coming[0].at <= steps[0][0])
        now = coming[0].at if comes else steps[0][0]
        run.presence_s += sum(replica.load for replica in fleet) * (now - run.end_s)
        run.end_s = now
        if comes:
            request = coming.popleft()
            at = _route(request.person if affinity else len(coming), fleet, affinity=affinity)
            if not fleet[at].take(request):
                run.ended.append(Ended(request, now, "refused"))
            if fleet[at].ends is not None:
                continue
        else:
            at = heappop(steps)[1]
        run.ended += fleet[at].go_on(now)
        if (ends := fleet[at].ends) is not None:
            heappush(steps, (ends, at))
    run.busy_s = sum(replica.busy_s for replica in fleet)
    return run


def _route(key: int, fleet: list[Replica], *, affinity: bool) -> int:
    """The replica for a key: of those that are not too loaded the one that is highest in its order.

    Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2018) over rendezvous
    hashing (Thaler and Ravishankar 1998); without `affinity`, of those with the least load.
    """
    loads = [replica.load for replica in fleet]
    bound = IMBALANCE * sum(loads) / len(loads) + 1 if affinity else min(loads)
    fits = (at for at, load in enumerate(loads) if load <= bound)
    return max(fits, key=lambda at: hash((key, at)))
