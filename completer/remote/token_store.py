"""Tokens in the keyring of the user's system, by the address of the server that they are for.

The package `keyring` is an extra; where it is missing, or the system has no keyring, none is kept.
"""

import logging
from importlib import import_module
from types import ModuleType

from completer.errors import CompleterError
from completer.setting_kinds import APP

log = logging.getLogger(__name__)
WITHOUT = "Or keep it in a 0600 file, and name that with engine.token_file."


def stored_token(address: str) -> str:
    """The token for a server; empty where none is known."""
    try:
        keyring = _keyring()
    except CompleterError:
        return ""
    try:
        return keyring.get_password(APP, address) or ""
    except keyring.errors.KeyringError as error:
        log.info("the keyring was not asked: %s", error)
        return ""


def store_token(address: str, token: str) -> None:
    """Keep a token. Raises `CompleterError` where there is no keyring, or it refuses."""
    keyring = _keyring()
    try:
        keyring.set_password(APP, address, token)
    except keyring.errors.KeyringError as error:
        raise CompleterError(f"The keyring keeps no token: {error}", hint=WITHOUT) from error


def remove_token(address: str) -> bool:
    """Remove a token, and say whether there was one. Raises `CompleterError` as `store_token`."""
    keyring = _keyring()
    try:
        known: bool = keyring.get_password(APP, address) is not None
        if known:
            keyring.delete_password(APP, address)
    except keyring.errors.KeyringError as error:
        raise CompleterError(f"The keyring removes no token: {error}") from error
    return known


def _keyring() -> ModuleType:
    try:
        import_module("keyring.errors")
        return import_module("keyring")
    except ImportError:
        hint = f"Install completer[keyring]. {WITHOUT}"
        raise CompleterError("The package keyring is not installed.", hint=hint) from None
