"""What `--background` does to the process that asks for it, seen from outside."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="priorities of Linux")

CHILD = """
import json, os
from completer.cli.background import AUTOGROUP, lower_priority
alone = lower_priority()
group = AUTOGROUP.read_text() if AUTOGROUP.exists() else None
print(json.dumps([alone, os.nice(0), os.sched_getscheduler(0), os.getsid(0) == os.getpid(), group]))
"""


def state(
    *, start_new_session: bool = False, process_group: int | None = None
) -> tuple[bool, int, int, bool, str | None]:
    out = subprocess.run(
        [sys.executable, "-c", CHILD],
        capture_output=True,
        check=True,
        start_new_session=start_new_session,
        process_group=process_group,
    )
    alone, nice, policy, leads_session, group = json.loads(out.stdout)
    return alone, nice, policy, leads_session, group


@pytest.mark.parametrize("started_by_setsid", [False, True])
def test_it_gives_way_to_every_other_session(started_by_setsid):
    alone, nice, policy, leads_session, group = state(start_new_session=started_by_setsid)
    assert alone
    assert nice == 19
    assert policy == os.SCHED_IDLE
    if group is not None:
        assert leads_session
        assert group.strip().endswith("nice 19")


def test_a_leader_of_a_group_does_not_lower_the_session_that_it_shares():
    before = subprocess.run(["cat", "/proc/self/autogroup"], capture_output=True).stdout.decode()
    alone, nice, policy, leads_session, group = state(process_group=0)
    assert (nice, policy, leads_session) == (19, os.SCHED_IDLE, False)
    assert group is None or (not alone and group == before)
