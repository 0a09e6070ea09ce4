"""Converters: pairs of functions, one from the wire to the canonical value and one back, chosen by name.

Every pair keeps two laws: what is written reads back as the value's normal form, and writing what was read changes
nothing where the system holds its own normal form. A reading function meets every value but null, and answers None for
an empty text: systems that store "" mean that there is nothing. Both functions raise `Unfit` for what they cannot
translate.

The set is closed; a package brings more by entry points of the group `connector.converters`, each a `Converter` or a
function from the arguments between the brackets to one.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from connector.documents import suggest
from connector.entities import Type
from connector.errors import ConfigError
from connector.mappings import decimals
from connector.mappings.richtext import read_html, write_html
from connector.mappings.spec import Spec, parse_spec
from connector.mappings.unfit import UNTRANSLATABLE, Unfit
from connector.records import Value

GROUP = "connector.converters"


def _same(value: Any) -> Any:
    return value


class Converter(NamedTuple):
    """One pair, and what the wire does to a value on the way through."""

    read: Callable[[Any], Value]
    write: Callable[[Any], Any]
    types: frozenset[Type]
    """The types of field it can serve."""
    lossy: str = ""
    """What gets lost on the way, in words; empty where nothing does."""
    is_plain_text: bool = False
    """A text that travels as it is: compiled mappings read it without a call."""

    def normal(self, value: Value) -> Value:
        """What is read back after a write; a value that cannot be written stays as it is."""
        if value is None:
            return None
        try:
            wire = self.write(value)
            return None if wire is None else self.read(wire)
        except UNTRANSLATABLE:
            return value


def find_converter(text: str) -> Converter:
    """The converter of a name such as `date` or `decimal_text(2)`; raises `ValueError` with what would be right."""
    spec = parse_spec(text)
    if spec.name in _SCALED:
        return _SCALED[spec.name](*spec.arguments) if len(spec.arguments) == 1 else _needs_argument(spec)
    if spec.name in _PLAIN:
        return _PLAIN[spec.name]() if not spec.arguments else _needs_none(spec)
    return _brought(spec)


def choice(codes: Mapping[Any, Any], reverse: Mapping[Any, Any]) -> Converter:
    """Canonical choices and the codes a system has for them."""
    known: dict[Any, Any] = {"": None}
    known.update({code: value for value, code in codes.items()})
    known.update(reverse)
    merged = sorted(str(value) for value, code in codes.items() if known[code] != value)
    lossy = f"{', '.join(merged)} read back as another value" if merged else ""
    return Converter(
        known.__getitem__, dict(codes).__getitem__, frozenset((Type.CHOICE, Type.BOOLEAN, Type.TEXT)), lossy
    )


DEFAULTS: Mapping[Type, str] = {
    Type.TEXT: "text",
    Type.DECIMAL: "decimal_number",
    Type.INTEGER: "integer",
    Type.BOOLEAN: "boolean",
    Type.DATE: "date",
    Type.INSTANT: "instant",
    Type.SET: "set",
    Type.REF: "text_id",
}
"""The converter of a type of field, where neither its row nor its system names one."""


def _text() -> Converter:
    return Converter(_read_text, _same, frozenset((Type.TEXT, Type.CHOICE)), is_plain_text=True)


def _read_text(value: Any) -> str | None:
    if value.__class__ is not str:
        raise Unfit("not a text")
    return value or None


def _uppercase() -> Converter:
    """Upper-case words of a system (GOLD) for lower-case words of ours."""
    return Converter(_lowered, partial(_cased, _raised, _lowered), frozenset((Type.TEXT,)), "upper and lower case")


def _lowercase() -> Converter:
    """Lower-case words of a system (eur) for upper-case words of ours."""
    return Converter(_raised, partial(_cased, _lowered, _raised), frozenset((Type.TEXT,)), "upper and lower case")


def _cased(there: Callable[[Any], str | None], back: Callable[[Any], str | None], value: Any) -> str | None:
    wire = there(value)
    if there(back(wire) or "") != wire:
        raise Unfit("a letter whose case cannot be restored")
    return wire


def _lowered(value: Any) -> str | None:
    text = _read_text(value)
    return text.lower() if text else None


def _raised(value: Any) -> str | None:
    text = _read_text(value)
    return text.upper() if text else None


def _decimal_number() -> Converter:
    return Converter(decimals.from_number, decimals.to_number, frozenset((Type.DECIMAL,)))


def _decimal_text(scale: str) -> Converter:
    digits = Spec("decimal_text", (scale,)).number(0)
    write = partial(decimals.to_text, digits)
    return Converter(decimals.from_text, write, frozenset((Type.DECIMAL,)), f"digits after the {digits}. are rounded")


def _integer() -> Converter:
    return Converter(_read_integer, _write_integer, frozenset((Type.INTEGER,)))


def _read_integer(value: Any) -> int | None:
    if value.__class__ is int:
        return int(value)
    if value.__class__ is float and value.is_integer():
        return int(value)
    if value == "":
        return None
    raise Unfit("not a whole number")


def _write_integer(value: Any) -> int:
    if value.__class__ is not int:
        raise Unfit("not a whole number")
    return int(value)


def _boolean() -> Converter:
    return Converter(_read_boolean, _read_boolean, frozenset((Type.BOOLEAN,)))


def _read_boolean(value: Any) -> bool | None:
    if value.__class__ is bool:
        return bool(value)
    if value == "":
        return None
    raise Unfit("neither true nor false")


def _date() -> Converter:
    return Converter(_read_date, _read_date, frozenset((Type.DATE,)))


def _read_date(value: Any) -> str | None:
    if value == "":
        return None
    try:
        if date.fromisoformat(value).isoformat() == value:
            return str(value)
    except (ValueError, TypeError):
        pass
    raise Unfit("not a date such as 2026-11-23")


def _instant() -> Converter:
    return Converter(_read_instant, _read_instant, frozenset((Type.INSTANT,)), "parts of a millisecond")


def _instant_seconds() -> Converter:
    return Converter(_read_bare_instant, _write_bare_instant, frozenset((Type.INSTANT,)), "parts of a second")


def _read_instant(value: Any) -> str | None:
    """`2026-11-23T20:44:10.123Z`; an instant without its zone is refused, for it could be any of 38."""
    moment = _moment(value)
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise Unfit("an instant without a time zone")
    return _shown(moment)


def _read_bare_instant(value: Any) -> str | None:
    """`2026-11-23 20:44:10`, meant as UTC."""
    moment = _moment(value)
    return None if moment is None else _shown(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _write_bare_instant(value: Any) -> str | None:
    shown = _read_instant(value)
    return None if shown is None else f"{shown[:10]} {shown[11:19]}"


def _moment(value: Any) -> datetime | None:
    if value == "":
        return None
    try:
        return datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise Unfit("not an instant such as 2026-11-23T20:44:10.123Z") from None


def _shown(moment: datetime) -> str:
    try:
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError as error:
        raise Unfit("an instant outside the calendar") from error


def _country_alpha3() -> Converter:
    return Converter(_to_alpha2.__getitem__, _to_alpha3.__getitem__, frozenset((Type.TEXT,)))


class _Countries(dict[str, str | None]):
    """Codes by other codes; fills itself when the first is looked up, as the list of all countries takes 10 ms."""

    def __init__(self, fill: Callable[[], Mapping[str, str | None]]) -> None:
        super().__init__()
        self._fill = fill

    def __missing__(self, code: str) -> str | None:
        if not self:
            self.update(self._fill())
        # Not by subscription, which would come here again for a code that there is not.
        if code in self:
            return self.get(code)
        raise KeyError(code)


def _alpha3() -> dict[str, str | None]:
    import pycountry

    # Kosovo has no code of its own in the standard; every business system uses these, which the standard leaves free.
    return {"XK": "XKX", **{country.alpha_2: country.alpha_3 for country in pycountry.countries}}


def _alpha2() -> dict[str, str | None]:
    return {"": None, **{alpha3: alpha2 for alpha2, alpha3 in _alpha3().items() if alpha3}}


_to_alpha3, _to_alpha2 = _Countries(_alpha3), _Countries(_alpha2)


def _text_id() -> Converter:
    return Converter(_read_text, _same, frozenset((Type.REF,)), is_plain_text=True)


def _integer_id() -> Converter:
    return Converter(_read_integer_id, _write_integer_id, frozenset((Type.REF,)))


def _read_integer_id(value: Any) -> str | None:
    if value.__class__ is int:
        return str(value)
    if value == "":
        return None
    raise Unfit("not a whole number")


def _write_integer_id(value: Any) -> int:
    if value.__class__ is str and value.isascii() and value.isdecimal() and str(int(value)) == value:
        return int(value)
    raise Unfit("not the id of a system whose ids are whole numbers")


def _set() -> Converter:
    return Converter(_read_set, list, frozenset((Type.SET,)), "the order, and repeated members")


def _read_set(value: Any) -> Value:
    if value == "":
        return None
    if value.__class__ is not list or any(member.__class__ is not str for member in value):
        raise Unfit("not a list of texts")
    return sorted(set(value))


def _joined_set(separator: str) -> Converter:
    def read(value: Any) -> Value:
        return None if value == "" else _read_set(str(_read_text(value)).split(separator))

    def write(value: Any) -> str:
        if any(separator in member for member in value):
            raise Unfit("a member holds the separator")
        return separator.join(value)

    return Converter(read, write, frozenset((Type.SET,)), "the order, and repeated members")


def _html() -> Converter:
    """A text where the system keeps HTML: what people format there reads as its words, line by line."""
    return Converter(read_html, write_html, frozenset((Type.TEXT,)), "formatting, and white space around the text")


def _noon() -> Converter:
    """A date where the system keeps an instant in UTC: written as noon, the same day nearly everywhere."""
    return Converter(_read_day, _write_noon, frozenset((Type.DATE,)))


def _read_day(value: Any) -> str | None:
    shown = _read_bare_instant(value)
    return None if shown is None else shown[:10]


def _write_noon(value: Any) -> str | None:
    day = _read_date(value)
    return None if day is None else f"{day} 12:00:00"


_PLAIN: Mapping[str, Callable[[], Converter]] = {
    "text": _text,
    "uppercase": _uppercase,
    "lowercase": _lowercase,
    "decimal_number": _decimal_number,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
    "instant": _instant,
    "instant_seconds": _instant_seconds,
    "country_alpha3": _country_alpha3,
    "text_id": _text_id,
    "integer_id": _integer_id,
    "set": _set,
    "html": _html,
    "noon": _noon,
}
_SCALED: Mapping[str, Callable[[str], Converter]] = {"decimal_text": _decimal_text, "joined_set": _joined_set}
NAMES = tuple(sorted((*_PLAIN, *_SCALED)))
"""The bundled converters."""


def _needs_argument(spec: Spec) -> Converter:
    raise ValueError(f'"{spec}": write {spec.name} with one value in brackets, such as decimal_text(2)')


def _needs_none(spec: Spec) -> Converter:
    raise ValueError(f'"{spec}": {spec.name} takes nothing in brackets')


def _brought(spec: Spec) -> Converter:
    """A converter of an installed package; only looked up when a name is none of ours."""
    found = entry_points(group=GROUP, name=spec.name)
    if not found:
        raise ValueError(f'there is no converter "{spec.name}"{suggest(spec.name, NAMES) or _listed()}')
    try:
        made = next(iter(found)).load()
        made = made if isinstance(made, Converter) else made(*spec.arguments)
    except (ImportError, AttributeError, TypeError) as error:
        raise ConfigError.of(f'the converter "{spec.name}" of an installed package cannot be used: {error}') from error
    if not isinstance(made, Converter):
        raise ConfigError.of(f'the converter "{spec.name}" of an installed package is no Converter')
    return made


def _listed() -> str:
    return f"; there are {', '.join(NAMES)}"
