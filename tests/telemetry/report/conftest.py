"""A database written row by row, so that a test can say by hand what every figure must be."""

import pytest

from telemetry.report.build import build
from telemetry.schema import TABLES
from telemetry.store import Store
from telemetry.survival import WINDOWS_S
from telemetry.writes import accumulate, insert_row

DAY_MS = 86_400_000
START_MS = 19_000 * DAY_MS  # 2022-01-08


class Book:
    """Rows with defaults: a row names only what its test is about."""

    def __init__(self, path):
        self.path = path
        self.store = Store(path)
        self.last = dict.fromkeys(("session", "opportunity", "suggestion", "accept"), 0)

    def _insert(self, table, **values):
        self.store.put(insert_row(table, **values))

    def _id(self, table):
        self.last[table] += 1
        return self.last[table]

    def session(self, user="ada", *, client=""):
        row, none = self._id("session"), self.store.label("")
        self._insert(
            "session",
            id=row,
            user_h=user,
            client=self.store.label(client),
            client_ver=none,
            server_ver=none,
            started_ms=START_MS,
        )
        return row

    def opportunity(self, outcome="returned", *, day=0, session=None, **more):
        words = ("lang", "model", "arm", "draft_source", "finish_reason", "exit_mode")
        words = (*words, "distribution", "kind")
        labels = {name: self.store.label(more.pop(name, "")) for name in words}
        numbers = ("prompt_tok", "reused_tok", "gen_tok", "steps", "drafted_tok", "draft_ok_tok")
        row = self._id("opportunity")
        self._insert(
            "opportunity",
            id=row,
            session=session or self.last["session"] or self.session(),
            doc_h=1,
            ts_ms=START_MS + day * DAY_MS,
            trigger=self.store.label("auto"),
            outcome=self.store.label(outcome),
            **labels,
            **{name: more.pop(name, 0) for name in numbers},
            **more,
        )
        return row

    def suggestion(self, length=10, *, shown=True, shown_for=1_000, hidden="typed_over", **more):
        """A suggestion of the last opportunity."""
        source = more.pop("source", "client")
        row = self._id("suggestion")
        self._insert(
            "suggestion",
            id=row,
            opportunity=self.last["opportunity"],
            rank=0,
            len=length,
            len_b=length,
            lines=1,
            multiline=more.pop("multiline", 0),
            text_hmac=row,
            dedupe_hmac=row,
            shown_ms=START_MS if shown else None,
            shown_dur_ms=shown_for if shown else None,
            hidden_reason=self.store.label(hidden) if shown else None,
            ev_src=self.store.label(source if shown else "none"),
            typed_len=more.pop("typed_len", 0),
        )
        return row

    def accept(self, length=10, *, kind="full", net=None, source="client", undone_ms=None):
        """An acceptance of the last suggestion."""
        row = self._id("accept")
        self._insert(
            "accept",
            id=row,
            suggestion=self.last["suggestion"],
            ts_ms=START_MS,
            kind=self.store.label(kind),
            delta_len=length,
            cum_len=length,
            replaced_len=0,
            net_len=length if net is None else net,
            ev_src=self.store.label(source),
            undone_ms=undone_ms,
        )
        return row

    def taken(self, length=10, **more):
        """A suggestion that was shown and accepted whole."""
        self.opportunity()
        self.suggestion(length, hidden="accepted")
        return self.accept(length, **more)

    def check(self, window_s, state="ok", *, actual_s=None, init=10, cur=10, lev=0, **more):
        """A check of the last acceptance."""
        gone = state.startswith("censored")
        lex_dist, lex_len = more.pop("lex", (0, 2))
        self._insert(
            "survival",
            accept=self.last["accept"],
            window_s=window_s,
            actual_s=window_s if actual_s is None else actual_s,
            state=self.store.label(state),
            method=self.store.label("tracked"),
            init_len=init,
            cur_len=None if gone else cur,
            lev=None if gone else lev,
            lex_dist=None if gone else lex_dist,
            lex_len=None if gone else lex_len,
            arc=None if gone else more.pop("arc", init - lev),
            branch_changed=0,
        )

    def edits(self, session=None, *, day=0, lang="", **by_class):
        """Inserted units by class."""
        rows = [
            (
                session or self.last["session"],
                1,
                self.store.label(lang),
                (START_MS + day * DAY_MS) // 60_000,
                self.store.label(cls),
                inserted,
                inserted,
                0,
                1,
            )
            for cls, inserted in by_class.items()
        ]
        self.store.put(accumulate("edit_rollup", TABLES["edit_rollup"].names, rows))

    def commit(self, commit_h, added, ai, *, whole=1, day=0, session=None):
        """A commit as one process saw it."""
        self._insert(
            "commit_attr",
            session=session or self.last["session"],
            commit_h=commit_h,
            ts_ms=START_MS + day * DAY_MS,
            files=1,
            added=added,
            ai=ai,
            whole=whole,
        )

    def report(self, **more):
        assert self.store.flush()
        return build(self.path, now_ms=more.pop("now_ms", START_MS), **more)

    def figures(self, **more):
        return self.report(**more).overall

    def checked_everywhere(self, *, except_for=()):
        for window_s in WINDOWS_S:
            if window_s not in except_for:
                self.check(window_s)


@pytest.fixture
def book(tmp_path):
    book = Book(tmp_path / "book.sqlite3")
    yield book
    book.store.close()
