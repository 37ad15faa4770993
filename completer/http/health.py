"""What `/health` says, which anybody may ask: numbers and reasons, no paths."""

import re
from collections.abc import Iterable
from typing import Any

from completer.interface import ServiceInfo, WorkspaceHealth

_FOLDERS = re.compile(r"(?<![\w:/\\.])(?:[A-Za-z]:)?[\\/](?:[^\\/\s]+[\\/])+")


def report(info: ServiceInfo) -> tuple[int, dict[str, Any]]:
    """The status and body of `/health`: 503 with the reason if the model could not be loaded."""
    found: dict[str, Any] = {"status": "failed" if info.failure else "ok", "model": info.state}
    if info.failure:
        found["reason"] = _FOLDERS.sub("", info.failure)
    if workspaces := summary(info.health.values()):
        found["workspaces"] = workspaces
    if info.graphs_given_up:
        found["graphs_given_up"] = info.graphs_given_up
    return status(info), found


def status(info: ServiceInfo) -> int:
    """The HTTP status of a service in this state."""
    return 503 if info.failure else 200


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
