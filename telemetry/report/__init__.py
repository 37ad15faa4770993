"""What the recorded files say: figures as data, on the terminal, and as a page.

report = build(Path("telemetry"))
render_terminal(report, Console())
"""

from telemetry.report.build import Report, build, to_json
from telemetry.report.compare import PRIMARY
from telemetry.report.experiment import Plan
from telemetry.report.html import is_report, to_html, write_html
from telemetry.report.source import Selection
from telemetry.report.terminal import render_terminal

__all__ = [
    "PRIMARY",
    "Plan",
    "Report",
    "Selection",
    "build",
    "is_report",
    "render_terminal",
    "to_html",
    "to_json",
    "write_html",
]
