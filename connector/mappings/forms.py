"""Normal forms: what a system does to a text or number before it stores it, by name, in canonical terms.

A closed set. Each is a function from a canonical value to a canonical value, and doing it twice changes nothing more.
"""

import re
from collections.abc import Callable
from functools import partial

from connector.mappings.decimals import round_half_up
from connector.mappings.spec import Spec, parse_spec
from connector.records import Value

Form = Callable[[str], str]

SPACES = re.compile(r"\s+")
NOT_ALNUM = re.compile(r"[\W_]+")
SEPARATORS = re.compile(r"[\s.\-/]+")
LOSSY = frozenset(("cut", "round"))
"""Forms that lose what nobody can restore."""


def find_form(text: str) -> Form:
    """The normal form of a name such as `lower` or `cut(80)`; raises `ValueError` with what would be right."""
    spec = parse_spec(text)
    if spec.name in _PLAIN and not spec.arguments:
        return _PLAIN[spec.name]
    if spec.name in _COUNTED and len(spec.arguments) == 1:
        return partial(_COUNTED[spec.name], spec.number(0))
    if spec.name == "e164" and len(spec.arguments) == 1:
        return partial(_e164, spec.arguments[0].upper())
    raise ValueError(_unknown(spec))


def compose(forms: tuple[Form, ...]) -> Callable[[Value], Value]:
    """All forms one after the other; values that are no text pass as they are, an empty text becomes None."""

    def normal(value: Value) -> Value:
        if not isinstance(value, str):
            return value
        for form in forms:
            value = form(value)
        return value or None

    return normal


def _trim(value: str) -> str:
    return value.strip()


def _fold(value: str) -> str:
    return SPACES.sub(" ", value).strip()


def _lower(value: str) -> str:
    return value.lower()


def _upper(value: str) -> str:
    return value.upper()


def _compact(value: str) -> str:
    """Without what people put between the digits of a number: white space, points, dashes, slashes."""
    return SEPARATORS.sub("", value)


def _alnum_upper(value: str) -> str:
    return NOT_ALNUM.sub("", value.upper())


def _cut(length: int, value: str) -> str:
    return value[:length]


def _e164(region: str | None, value: str) -> str:
    """`+49301234567` for a possible number; without a region only a number that names its country is one."""
    import phonenumbers

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return value
    if not phonenumbers.is_possible_number(number):
        return value
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def is_same_number(value: Value, stored: Value) -> bool:
    """Whether a number as somebody wrote it is the stored E.164 one, read in that one's own country's way.

    A system that knows a record's country writes numbers without a country code in full; the value alone does not tell.
    """
    import phonenumbers

    if not isinstance(value, str) or not isinstance(stored, str) or not stored.startswith("+"):
        return False
    try:
        region = phonenumbers.region_code_for_country_code(phonenumbers.parse(stored).country_code or 0)
    except phonenumbers.NumberParseException:
        return False
    return _e164(region, value) == stored


def _url(value: str) -> str:
    """With a scheme, as a browser would take it."""
    return value if "://" in value or not value else f"http://{value}"


_PLAIN: dict[str, Form] = {
    "trim": _trim,
    "fold": _fold,
    "lower": _lower,
    "upper": _upper,
    "compact": _compact,
    "alnum_upper": _alnum_upper,
    "e164": partial(_e164, None),
    "url": _url,
}
_COUNTED: dict[str, Callable[[int, str], str]] = {"cut": _cut, "round": round_half_up}


def _unknown(spec: Spec) -> str:
    names = [*_PLAIN, *(f"{name}(n)" for name in _COUNTED), "e164(region)"]
    return f'there is no normal form "{spec}"; there are {", ".join(sorted(names))}'
