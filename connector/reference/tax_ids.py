"""Tax ids with right check digits, made from any number."""

from collections.abc import Callable, Mapping

from stdnum import luhn
from stdnum.at import uid as at_uid
from stdnum.bg import vat as bg_vat
from stdnum.gr import vat as gr_vat
from stdnum.iso7064 import mod_11_10
from stdnum.pl import nip as pl_nip


def make_vat(country: str, seed: int) -> str | None:
    """The VAT id of a company in this country, different for every seed below ten million; None outside the EU."""
    maker = MAKERS.get(country)
    return maker(seed % 10_000_000) if maker else None


def _germany(seed: int) -> str:
    number = f"2{seed:07d}"
    return f"DE{number}{mod_11_10.calc_check_digit(number)}"


def _austria(seed: int) -> str:
    number = f"{seed:07d}"
    return f"ATU{number}{at_uid.calc_check_digit(f'U{number}')}"


def _france(seed: int) -> str:
    number = f"5{seed:07d}"
    siren = f"{number}{luhn.calc_check_digit(number)}"
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


def _italy(seed: int) -> str:
    number = f"{seed or 1:07d}058"
    return f"IT{number}{luhn.calc_check_digit(number)}"


def _poland(seed: int) -> str:
    # One number in eleven has no check digit: then the next prefix is taken.
    found = (f"{prefix}{seed:07d}{check}" for prefix in range(52, 99) for check in range(10))
    return next(f"PL{number}" for number in found if pl_nip.checksum(number) == 0)


def _sweden(seed: int) -> str:
    number = f"55{seed:07d}"
    return f"SE{number}{luhn.calc_check_digit(number)}01"


def _greece(seed: int) -> str:
    number = f"9{seed:07d}"
    return f"EL{number}{gr_vat.calc_check_digit(number)}"


def _bulgaria(seed: int) -> str:
    number = f"1{seed:07d}"
    return f"BG{number}{bg_vat.calc_check_digit_legal(number)}"


MAKERS: Mapping[str, Callable[[int], str]] = {
    "DE": _germany,
    "AT": _austria,
    "FR": _france,
    "IT": _italy,
    "PL": _poland,
    "SE": _sweden,
    "GR": _greece,
    "BG": _bulgaria,
}
