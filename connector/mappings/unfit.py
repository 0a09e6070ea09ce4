"""The error of a value that a converter cannot translate, and what else translating a wrong value can raise."""


class Unfit(ValueError):
    """A value is not what a converter expects; the message says what would be, and never holds the value."""


UNTRANSLATABLE = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)
"""What reading or writing a wrong value can raise: `Unfit` where somebody looked, the others where nobody had to."""
