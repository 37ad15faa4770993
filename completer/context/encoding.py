"""Text to token ids, without keeping every other thread of the process from running."""

from tokenizers import Encoding, Tokenizer


def encode(tokenizer: Tokenizer, text: str, *, add_special_tokens: bool = False) -> Encoding:
    """Encode one text as a batch, for which the tokenizer lets go of the interpreter's lock.

    `Tokenizer.encode` holds the lock to its end: a long text would stop an event loop.
    """
    (encoding,) = tokenizer.encode_batch([text], add_special_tokens=add_special_tokens)
    return encoding
