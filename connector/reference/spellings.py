"""Two people never write one thing the same way: the spellings of names, streets, phone numbers and tax ids."""

import re
import unicodedata
from random import Random

from connector.reference.names import Country

UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ø": "o", "ł": "l"}
)


def plain(text: str) -> str:
    """Without umlauts and accents, where the letters have a plain form."""
    decomposed = unicodedata.normalize("NFKD", text.translate(UMLAUTS))
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def slug(text: str) -> str:
    """Small plain letters and digits, joined by hyphens; `firm` where nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", plain(text).lower()).strip("-") or "firm"


def respell(dice: Random, text: str) -> str:
    """What another person makes of a text: often the same, sometimes shouted, plain, or with a blank too many."""
    ways = (text, text, text, text.upper(), plain(text), f"{text}  ", text.replace(" & ", " und "))
    return dice.choice(ways)


def respell_vat(dice: Random, vat: str) -> str:
    """A tax id in groups, with hyphens, in small letters, or as it is; at most 20 characters."""
    country, rest = vat[:2], vat[2:]
    grouped = " ".join([country, *(rest[start : start + 3] for start in range(0, len(rest), 3))])
    return dice.choice((vat, vat, grouped, f"{country}-{rest}", vat.lower(), f"{country} {rest}"))


def phone(dice: Random, country: Country, area: str, rest: str) -> str:
    """A phone number in one of the ways people write it."""
    national = f"{country.trunk}{area}"
    half = len(rest) // 2
    ways = [
        f"+{country.dial} {area} {rest}",
        f"+{country.dial}{area}{rest}",
        f"00{country.dial} {area} {rest}" if country.trunk == "0" else f"+{country.dial}-{area}-{rest}",
        f"{national}/{rest}",
        f"({national}) {rest[:half]} {rest[half:]}",
        f"{national}-{rest[:half]}-{rest[half:]}",
        f"  {national}  {rest[:half]}   {rest[half:]} ",
    ]
    return dice.choice(ways)
