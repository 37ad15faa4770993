"""Takes over one workspace from a client: its list, then the texts that are lacking, in pieces.

The server asks for the next texts when those before have come, so that a line is never so busy that
a keystroke waits, and what is held of texts in transit is bounded.
"""

from collections.abc import Iterable, Iterator

from completer.engine_process.messages import ListFiles, NotMirrored, Said, SendTexts, Wanted
from completer.place import Place
from completer.private_files import replace_private_file
from completer.remote.mirrors import PersonsMirrors
from completer.remote.names import DIGEST, MirroredFile, digest_of, in_order, is_name
from completer.settings import LARGEST_REPOSITORY_FILE, REPOSITORY_FILE

BATCH_BYTES, BATCH_TEXTS = 256 << 10, 500
LARGEST = 4 << 20  # bytes of a text: a file of a megabyte in Latin-1 may be two in UTF-8


class Receiving:
    """One connection's part in the mirror `folder`. `root` is what the client calls the workspace.

    Used by one thread at a time.
    """

    def __init__(self, mirrors: PersonsMirrors, folder: Place, root: Place) -> None:
        self._mirrors = mirrors
        self._folder = folder
        self._root = root
        self._files: dict[str, MirroredFile] = {}
        self._is_listed = False
        self._lacking: dict[str, int] = {}
        self._asked: dict[str, int] = {}

    def take(self, message: ListFiles | SendTexts) -> Iterator[Said]:
        """Act on a message; yields what is to be said. The list is written once all is there."""
        with self._mirrors.lock:
            if isinstance(message, SendTexts):
                self._keep(message.texts)
            elif message.complete or self._is_listed:
                self._is_listed = True
                yield from self._take_list(message)
            if self._is_listed and not self._asked:
                yield from self._ask_or_commit()

    def _take_list(self, message: ListFiles) -> Iterator[Said]:
        self._take_settings(message.settings)
        files = {} if message.complete else dict(self._files)
        for name in message.gone:
            files.pop(name, None)
        sound = {each.name: each for each in message.files if _is_sound(each)}
        self._files, left_out = self._within_quota({**files, **sound}.values())
        if bad := len(message.files) - len(sound):
            yield self._refusal(f"{bad} files are left out: no file can be called or sized so.", "")
        if left_out:
            quota = self._mirrors.quota
            yield self._refusal(
                f"{left_out} files are left out: a person's mirrors may have {quota.max_files}"
                f" files and {quota.max_bytes >> 20} MB.",
                "Exclude files with .gitignore, have the server forget others with `completer"
                " remote forget`, or raise its server.mirror_mb or server.mirror_files.",
            )
        wanted = {file.digest: file.size for file in self._files.values()}
        self._mirrors.begin_with_team(
            self._folder, message.origin, wanted.keys() - self._mirrors.digests()
        )
        there = self._mirrors.digests() | self._asked.keys()
        self._lacking = {each: size for each, size in wanted.items() if each not in there}
        self._mirrors.coming[self] = wanted

    def _take_settings(self, text: str) -> None:
        """Keep what the workspace's own file of settings says, under the one name that it has."""
        path, data = self._folder / REPOSITORY_FILE, text.encode()
        if not data or len(data) > LARGEST_REPOSITORY_FILE:
            path.unlink(missing_ok=True)
        elif not path.exists() or path.read_bytes() != data:
            replace_private_file(path, data)

    def _within_quota(self, files: Iterable[MirroredFile]) -> tuple[dict[str, MirroredFile], int]:
        """The files that there is room for, in order, and the number of the others."""
        quota, kept, left_out = self._mirrors.quota, dict[str, MirroredFile](), 0
        others, texts = self._mirrors.held(but=self._folder, receiver=self)
        held = sum(texts.values())
        for file in sorted(files, key=lambda file: in_order(file.name)):
            more = len(file.name) + (0 if file.digest in texts else file.size)
            if others + len(kept) >= quota.max_files or held + more > quota.max_bytes:
                left_out += 1
                continue
            kept[file.name], texts[file.digest], held = file, file.size, held + more
        return kept, left_out

    def _keep(self, texts: Iterable[str]) -> None:
        for data in map(str.encode, texts):
            if self._asked.get(digest_of(data)) == len(data):
                self._mirrors.put(data)
        self._asked.clear()

    def _ask_or_commit(self) -> Iterator[Said]:
        size = 0
        while self._lacking and size < BATCH_BYTES and len(self._asked) < BATCH_TEXTS:
            digest, more = self._lacking.popitem()
            self._asked[digest] = more
            size += more
        if self._asked:
            yield Wanted(self._root, tuple(self._asked))
            return
        there = self._mirrors.digests()
        self._mirrors.coming.pop(self, None)
        self._mirrors.commit(
            self._folder, [file for file in self._files.values() if file.digest in there]
        )

    def _refusal(self, why: str, hint: str) -> NotMirrored:
        return NotMirrored(self._root, why, hint)


def _is_sound(file: MirroredFile) -> bool:
    return (
        is_name(file.name)
        and DIGEST.fullmatch(file.digest) is not None
        and 0 <= file.size <= LARGEST
    )
