"""The kinds of span, for those who need only their names."""

from enum import StrEnum


class Kind(StrEnum):
    """What is taken out of a file."""

    REST_OF_LINE = "rest_of_line"
    WHOLE_LINE = "whole_line"
    LINES = "lines"
    SYNTAX_NODE = "syntax_node"
    ATTRIBUTE = "attribute"
    """The rest of a line behind the dot of an attribute."""
