"""What a name alone says about a file or folder: secret, hidden, vendored, generated.

All patterns are matched without regard to case, against one path component.
"""

import re
from fnmatch import translate
from pathlib import PurePath

from completer.context.verdict import Reason


def _any_of(patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns.split()))


_SECRET = _any_of("""
    .env .env.* .env-* *.env .envrc
    *.pem *.key *.p12 *.pfx *.jks *.keystore *.kdbx *.ppk *.der *.asc *.gpg *.ovpn
    id_rsa* id_dsa* id_ecdsa* id_ed25519*
    .netrc _netrc .npmrc .pypirc .yarnrc.yml .pgpass .my.cnf .htpasswd .git-credentials
    .dockercfg .dockerconfigjson .vault-token .boto .s3cfg .terraformrc
    credentials credentials.json credentials.y*ml credentials.toml credentials.ini credentials.xml
    client_secret*.json service-account*.json service_account*.json local.settings.json
    kubeconfig kubeconfig.* *.kubeconfig *.tfvars *.tfvars.json *.tfstate *.tfstate.*
    secret.json secret.y*ml secret.toml secrets secrets.* *.secret *.secrets .secrets*
""")
_SECRET_FOLDER = frozenset(
    {".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store"}
)

_VENDOR_FOLDER = _any_of("""
    node_modules bower_components jspm_packages site-packages dist-packages venv virtualenv
    __pycache__ __pypackages__ *.egg-info *.dist-info wheelhouse
    htmlcov cmake-build-* bazel-* deriveddata pods elm-stuff carthage
""")
# These are also names of real source folders: see `Workspace`, which looks for `__init__.py`.
_BUILD_FOLDER = frozenset({"build", "dist", "target", "out", "obj", "_build", "vendor", "coverage"})

_GENERATED = _any_of("""
    *.min.js *.min.mjs *.min.css *.bundle.js *.map *_pb2.py *_pb2.pyi *_pb2_grpc.py *.pb.go *.pb.h
    *.pb.cc *.generated.* *.g.dart *.designer.cs package-lock.json npm-shrinkwrap.json
    pnpm-lock.yaml *.lock go.sum
""")


def folder_reason(name: str) -> Reason | None:
    """Return why a folder called `name` is left out, `None` if its name says nothing against it."""
    lowered = name.lower()
    if lowered in _SECRET_FOLDER:
        return Reason.SECRET
    if name.startswith("."):
        return Reason.HIDDEN
    return Reason.VENDOR if _VENDOR_FOLDER.match(lowered) else None


def is_build_folder_name(name: str) -> bool:
    """Whether `name` usually is a folder of build results, though it may hold source."""
    return name.lower() in _BUILD_FOLDER


def file_reason(name: str) -> Reason | None:
    """Return why a file called `name` is left out, `None` if its name says nothing against it."""
    lowered = name.lower()
    if _SECRET.match(lowered):
        return Reason.SECRET
    if name.startswith("."):
        return Reason.HIDDEN
    return Reason.GENERATED if _GENERATED.match(lowered) else None


def may_hold_secrets(path: PurePath) -> bool:
    """Whether the name of a file, or of its folder, is one of those that hold secrets."""
    secret = Reason.SECRET
    return file_reason(path.name) is secret or folder_reason(path.parent.name) is secret
