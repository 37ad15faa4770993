"""Text from outside may hold halves of characters, which no encoding has."""


def well_formed(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair that stands alone."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
