"""`python -m tests.completer.cluster.soak --minutes 5`: many people, replicas that are killed.

64 people ask without a pause and give up 30 % of their requests; every 30 seconds a replica is
killed, and once the application is changed. No other request may fail.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time

import typer

from tests.completer.cluster.driving import Cluster, People, running


def main(minutes: float = 5.0, people: int = 64, kill_every_s: float = 30.0) -> None:
    """Do that, and tell what became of all requests."""
    asking = People([f"person {number}" for number in range(people)], gives_up=0.3)
    with running() as cluster:
        kills = asyncio.run(_disturb(cluster, asking, 60 * minutes, kill_every_s))
    typer.echo(
        f"{asking.times.total()} answered, {asking.given_up} given up, {kills} replicas killed,"
        f" {len(asking.refused)} failed"
    )
    for each in asking.refused[:10]:
        typer.echo(f"  {each}")
    raise typer.Exit(bool(asking.refused))


async def _disturb(cluster: Cluster, people: People, seconds: float, kill_every_s: float) -> int:
    until, kills = time.monotonic() + seconds, 0
    tasks = [asyncio.create_task(people.ask(each)) for each in people.names]
    change = asyncio.create_task(_change(cluster, seconds / 2))
    while time.monotonic() + kill_every_s < until:
        await asyncio.sleep(kill_every_s)
        alive = [each["pid"] for each in (await asyncio.to_thread(cluster.status))["replicas"]]
        os.kill(random.choice(alive), signal.SIGKILL)
        kills += 1
    await asyncio.sleep(max(0.0, until - time.monotonic()))
    await change
    people.end = True
    await asyncio.gather(*tasks)
    return kills


async def _change(cluster: Cluster, after_s: float) -> None:
    await asyncio.sleep(after_s)
    await asyncio.to_thread(cluster.change, 65)


if __name__ == "__main__":
    typer.run(main)
