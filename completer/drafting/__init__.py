"""Proposes what the model is about to say, from a suffix index over the repository."""

from completer.drafting.compiled import keep_versions_apart

keep_versions_apart()
