"""A server of its own for a benchmark, reached as from another machine: by TLS, with a token."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from completer.errors import CompleterError
from completer.remote.client import RemoteEngine
from completer.settings import EngineSettings

COMPLETER = (sys.executable, "-m", "completer")


@contextmanager
def elsewhere(environment: Mapping[str, str], folder: Path) -> Iterator[RemoteEngine]:
    """Run `completer serve` with that environment; yield what connects to it, and ends with it."""
    cert, key = certificate(folder)
    own = {"COMPLETER_SERVER__TLS_CERT": str(cert), "COMPLETER_SERVER__TLS_KEY": str(key)}
    server = {**environment, **own}
    made = subprocess.run(  # noqa: S603  this program itself
        [*COMPLETER, "token", "add", "me"], env=server, capture_output=True, text=True, check=True
    )
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(made.stdout)
    with subprocess.Popen(  # noqa: S603
        [*COMPLETER, "serve", "--port", "0"],
        env=server, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        try:
            greeting = process.stdout.readline() if process.stdout is not None else ""
            address = re.search(r"https://[\d.]+:\d+", greeting)
            if address is None:
                raise CompleterError("the server did not start")
            settings = EngineSettings(server=address.group(), token_file=token, ca_file=cert)
            engine = RemoteEngine(settings)
            yield engine
            engine.close()
        finally:
            process.terminate()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate of this machine, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise CompleterError("openssl is not installed", hint="It makes the server's certificate.")
    cert, key = folder / "cert.pem", folder / "key.pem"
    kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-keyout", str(key), "-out", str(cert))
    command = [openssl, "req", *kind, *name, "-days", "1", *files]
    subprocess.run(command, check=True, capture_output=True, env=os.environ)  # noqa: S603
    return cert, key
