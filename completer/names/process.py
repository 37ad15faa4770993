"""The process that reads names, as it is asked from here."""

from pathlib import Path
from tempfile import TemporaryDirectory

from completer.context.worker_process import WorkerProcess
from completer.names.evidence import NameEvidence
from completer.names.question import Question, decode_evidence

_MOST_CPU_S = 10.0
_IDLE_S = 900.0  # what it has read by then is worth keeping; it takes a second to begin
_WORKER = Path(__file__).with_name("worker.py")


class NameProcess(WorkerProcess[NameEvidence]):
    """Asks the worker. May be called from several threads, which wait for each other.

    A question that takes more than `most_cpu_s` seconds of processor time has no answer; after
    `idle_s` seconds without one the process ends, until it is asked again. `cache` is a folder for
    syntax trees that is ours alone, outlives this and makes the next start fast; empty for one that
    does not.
    """

    def __init__(
        self, cache: str = "", *, most_cpu_s: float = _MOST_CPU_S, idle_s: float = _IDLE_S
    ) -> None:
        self._own = None if cache else TemporaryDirectory(prefix="completer-names-")
        folder = self._own.name if self._own else cache
        super().__init__(
            _WORKER,
            (str(most_cpu_s), str(idle_s), folder),
            decode_evidence,
            complaint="The process that reads names fails again and again: it is not used",
            forgives=True,
        )

    def ask(self, question: Question) -> NameEvidence | None:
        """Return the answer, however long it takes; `None` where there is none."""
        return self.send(question.encode())

    def close(self) -> None:
        """End the process, whatever it does; who waits for it gets nothing."""
        super().close()
        if self._own is not None:
            self._own.cleanup()
