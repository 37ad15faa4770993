"""Text to token ids, without keeping every other thread of the process from running."""

from tokenizers import Encoding, Tokenizer


def encode(tokenizer: Tokenizer, text: str, *, add_special_tokens: bool = False) -> Encoding:
    """Encode one text as a batch, for which the tokenizer lets go of the interpreter's lock.

    `Tokenizer.encode` holds the lock to its end: a long text would stop an event loop.
    """
    (encoding,) = tokenizer.encode_batch([text], add_special_tokens=add_special_tokens)
    return encoding


def encode_one(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the ids of a text alone."""
    ids: list[int] = encode(tokenizer, text).ids
    return ids


def token_pieces(tokenizer: Tokenizer, rows: int) -> list[str]:
    """Return the text of each id below `rows`, of which a model may have more than its tokenizer.

    Special tokens have none.
    """
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    pieces = tokenizer.decode_batch([[token] for token in range(size)])[:rows]
    return pieces + [""] * (rows - len(pieces))
