"""The error of a value that a converter cannot translate."""


class Unfit(ValueError):
    """A value is not what a converter expects; the message says what would be, and never holds the value."""
