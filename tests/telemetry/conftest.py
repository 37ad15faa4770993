"""A recorder on a clock that tests turn, with a person at an editor in front of it."""

from pathlib import Path

import pytest

from telemetry.events import (
    Committed,
    DocumentChanged,
    DocumentOpened,
    Opportunity,
    Returned,
    SessionStarted,
    Suggestion,
    TextEdit,
)
from telemetry.journal import open_recorder
from tests.telemetry.databases import rows


class Editor:
    """A person who types into one document, and the recorder's database behind them."""

    def __init__(self, folder, uri="file:///w/a.py", workspace="/w", **options):
        self.folder = folder
        self.now_ms = 1_700_000_000_000
        self.recorder = open_recorder(folder, now_ms=lambda: self.now_ms, **options)
        self.uri, self.workspace = uri, workspace
        self.text = ""
        self.version = 0
        self.session = self.connect("ada")
        self.open()

    def connect(self, user):
        session = SessionStarted(client="test", user=user)
        self.recorder.record(session)
        return session.id

    def open(self):
        self.recorder.record(
            DocumentOpened(
                self.session, self.uri, self.version, language="python", workspace=self.workspace
            )
        )

    def wait(self, seconds):
        self.now_ms += round(1000 * seconds)
        self.settle()

    def settle(self):
        assert self.recorder.flush()

    def offer(self, text, offset=None, **more):
        """A request that is answered with one suggestion; returns the suggestion's id."""
        opportunity = Opportunity(
            session=self.session,
            uri=self.uri,
            workspace=self.workspace,
            language="python",
            outcome="returned",
        )
        place = len(self.text) if offset is None else offset
        suggestion = Suggestion(text=text, offset=place, **more)
        self.recorder.record(opportunity)
        self.recorder.record(Returned(opportunity.id, [suggestion]))
        return suggestion.id

    def edit(self, *edits):
        """Edits that arrive in one notification: (offset, removed, inserted)."""
        changes = [TextEdit(*edit) for edit in edits]
        for change in changes:
            assert self.text[change.offset : change.end] == change.removed
            self.text = self.text[: change.offset] + change.inserted + self.text[change.end :]
        self.version += 1
        self.recorder.record(DocumentChanged(self.uri, self.version, changes))

    def write(self, text):
        self.edit((len(self.text), "", text))

    def commit(self, commit_id, *lines, path=Path("/w/a.py"), amends=None):
        """A commit that adds these lines to a file."""
        self.record_commit(id=commit_id, added={path: lines}, amends=amends)

    def record_commit(self, **details):
        self.recorder.record(Committed(session=self.session, workspace=self.workspace, **details))

    def one(self, query):
        self.settle()
        (row,) = rows(self.recorder.path, query)
        return row

    def all(self, query):
        self.settle()
        return rows(self.recorder.path, query)


@pytest.fixture
def editor(tmp_path):
    editor = Editor(tmp_path / "telemetry")
    yield editor
    editor.recorder.close()
