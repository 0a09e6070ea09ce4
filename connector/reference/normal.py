"""What the servers do to text before they store it, as small functions that the field tables name."""

import re
from functools import lru_cache

import phonenumbers
import pycountry
from stdnum.eu import vat as eu_vat

SPACES = re.compile(r"\s+")
EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
SEPARATORS = re.compile(r"[\s.\-/]+")
LETTERS = re.compile(r"[A-Za-z]{2}")


def trimmed(text: str) -> str:
    """Without white space at either end."""
    return text.strip()


def key(text: str) -> str | None:
    """Trimmed; blank is none at all, so that two blanks are not twice the same."""
    return text.strip() or None


def folded(text: str) -> str | None:
    """Trimmed, with every run of white space as one space; blank becomes empty."""
    return SPACES.sub(" ", text).strip() or None


def email(text: str) -> str | None:
    """An e-mail address in lower case."""
    address = text.strip().lower()
    if address and not EMAIL.fullmatch(address):
        raise ValueError("is no e-mail address")
    return address or None


def website(text: str) -> str | None:
    """A web address in lower case."""
    return text.strip().lower() or None


def alpha2(text: str) -> str | None:
    """A country's two letters."""
    code = text.strip()
    if code and code not in _countries(2):
        raise ValueError("is no ISO 3166 alpha-2 code")
    return code or None


def alpha3(text: str) -> str | None:
    """A country's three letters."""
    code = text.strip()
    if code and code not in _countries(3):
        raise ValueError("is no ISO 3166 alpha-3 code")
    return code or None


def currency(text: str) -> str | None:
    """A currency's three letters."""
    code = text.strip()
    if code and code not in _currencies():
        raise ValueError("is no ISO 4217 code")
    return code or None


def compact_vat(text: str) -> str | None:
    """A VAT id in upper case, without separators."""
    return SEPARATORS.sub("", text).upper() or None


def strict_vat(text: str) -> str | None:
    """A VAT id that holds up to its country's rules, where it begins with a country; free text otherwise."""
    number = text.strip()
    if LETTERS.match(number) and not eu_vat.is_valid(number):
        raise ValueError("is no valid EU VAT id")
    return number or None


@lru_cache(maxsize=20_000)
def international(text: str, country: str | None) -> str:
    """A phone number in E.164 where it is a possible one, read in its country's way; else as it was sent."""
    region = _countries(3).get(country or "", None)
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_possible_number(number):
        return text
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=2)
def _countries(letters: int) -> dict[str, str]:
    """The known codes of two or three letters, each with the country's two letters."""
    code = f"alpha_{letters}"
    return {getattr(each, code): each.alpha_2 for each in pycountry.countries}


@lru_cache(maxsize=1)
def _currencies() -> frozenset[str]:
    return frozenset(each.alpha_3 for each in pycountry.currencies)
