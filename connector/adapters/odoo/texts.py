"""The text of a document's line: Odoo begins it with the product, and people write below; only that is their text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector.adapters.odoo.codes import Codes
from connector.records import Body

NAME, GOODS, PRODUCT = "name", "product_id", "product.product"


class Texts:
    """Takes the product's own words off texts that are read, and puts them before texts that are written."""

    def __init__(self, codes: Codes, goods: Iterable[Any]) -> None:
        numbers = {number for number in goods if number}
        self._titles = codes.of(PRODUCT, "display_name", numbers)
        self._skus = codes.of(PRODUCT, "default_code", numbers)
        self._sales = codes.of(PRODUCT, "description_sale", numbers)

    def told(self, goods: int | None, text: str | None) -> str | None:
        """What people wrote; a product may have been renamed since, but it keeps its code."""
        if not text or not goods:
            return text
        first, _, rest = text.partition("\n")
        sku = self._skus.get(goods)
        if first != self._titles.get(goods) and not (sku and first.startswith(f"[{sku}]")):
            return text
        return None if rest == self._sales.get(goods) else rest or None

    def written(self, goods: int | None, text: str | None) -> str | None:
        """The whole text of a line."""
        title = self._titles.get(goods or 0)
        return "\n".join(part for part in (title, text) if part) or None


def has_texts(columns: Mapping[str, Any]) -> bool:
    """Whether a model's records are lines with a product and a text."""
    return NAME in columns and GOODS in columns


def told(codes: Codes, bodies: Sequence[Body]) -> None:
    """Leave in each line only what people wrote."""
    texts = Texts(codes, (body[GOODS] for body in bodies))
    for body in bodies:
        body[NAME] = texts.told(body[GOODS], body[NAME])
