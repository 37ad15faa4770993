"""What `/health` says of the workspaces, which anybody may ask: numbers and reasons, no paths."""

from collections.abc import Iterable
from typing import Any

from completer.interface import WorkspaceHealth


def summary(workspaces: Iterable[WorkspaceHealth]) -> dict[str, Any]:
    """Count what went wrong, each kind with a reason; empty if nothing did."""
    known = list(workspaces)
    faults = [each.fault for each in known if each.fault]
    watches = [each for each in known if each.restarts]
    compared = [each.compared for each in known if each.compared]
    found: dict[str, Any] = {}
    if faults:
        found |= {"failed": len(faults), "fault": faults[-1]}
    if watches:
        restarts = sum(each.restarts for each in watches)
        found |= {"watches_restarted": restarts, "restart_reason": watches[-1].reason}
    if compared:
        found |= {"compared": len(compared), "compared_because": compared[-1]}
    return found


def sentence(found: dict[str, Any]) -> str:
    """Say the same in words, for `completer doctor`."""
    parts = []
    if "failed" in found:
        parts.append(f"{found['failed']} of its workspaces failed ({found['fault']})")
    if "watches_restarted" in found:
        times, reason = found["watches_restarted"], found["restart_reason"]
        parts.append(f"watching files was begun again {times} times, at last for: {reason}")
    if "compared" in found:
        reason = found["compared_because"]
        parts.append(f"files of {found['compared']} workspaces are compared every minute: {reason}")
    return "; ".join(parts)
