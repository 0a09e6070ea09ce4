"""What both systems keep and how: small tables, compiled once for each variant of the rules that lives follow."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import yaml

from connector.entities import Entity, read_catalogue
from connector.mappings.compile import Translator, compile_system
from connector.mappings.loader import load_entities, load_system
from connector.records import Side

HERE = Path(__file__).parent
ENTITIES = ("customer", "contact", "adjustment", "sale")
GENEROUS = {"deletes": 1000, "delete_share": 1.0, "changes": 1000, "change_share": 1.0}
STRICT = {**GENEROUS, "deletes": 1}


class Rules(NamedTuple):
    """What a deployment decides for itself."""

    phone: str = "erp"
    points: str = "delta"
    crm_deletes: str = "archive"
    erp_deletes: str = "archive"
    declared: bool = True
    """Whether the tables say how the ERP normalises a city."""
    strict: bool = False
    """Whether a second delete within a day needs a person."""

    @classmethod
    def draw(cls, chance: Random, *, exact: bool, timed: bool) -> "Rules":
        """Rules from a seed; `exact` systems refuse stale writes, `timed` ones know who was later."""
        drawn = cls(
            phone=chance.choice(["crm", "erp", "ask", *(["newest"] if timed else [])]),
            points="delta" if exact else "ask",
            crm_deletes=chance.choice(["archive", "archive", "delete", "ignore"]),
            erp_deletes=chance.choice(["archive", "archive", "delete", "ignore"]),
            declared=chance.random() < 0.8,
        )
        # Drawn apart, so that the rest of a life stays what it was.
        return drawn._replace(strict=Random(repr(drawn)).random() < 0.7)

    def deletes(self, side: Side) -> str:
        """What a delete across does on one side."""
        return self.crm_deletes if side is Side.CRM else self.erp_deletes


@cache
def compile_rules(rules: Rules) -> tuple[Mapping[str, Entity], Mapping[Side, Mapping[str, Translator]]]:
    """The entities, parents first, and each side's translators, as `bootstrap` makes them."""
    entities = load_entities(_overrides(rules))
    silent = {} if rules.declared else {"customer": {"city": {"path": "city", "normal": []}}}
    changes: dict[Side, dict[str, Any]] = {Side.CRM: {}, Side.ERP: silent}
    translators = {
        side: compile_system(entities, load_system(str(HERE / f"{side}.yaml"), changes[side]), side) for side in Side
    }
    return entities, translators


@cache
def _read() -> tuple[dict[str, Any], dict[str, Any]]:
    return yaml.safe_load((HERE / "entities.yaml").read_text(encoding="utf-8")), read_catalogue()


def _overrides(rules: Rules) -> dict[str, Any]:
    """Our own entities in place of the bundled ones."""
    changes, bundled = deepcopy(_read())
    for name, entity in changes.items():
        fields = bundled.get(name, {}).get("fields", {})
        entity["fields"] = {**dict.fromkeys(fields), **entity["fields"]}
        entity["guard"] = STRICT if rules.strict else GENEROUS
        entity["create_unless"] = None
        entity.setdefault("deletes", {str(side): rules.deletes(side) for side in Side})
    changes["customer"]["fields"]["phone"]["policy"] = rules.phone
    changes["customer"]["fields"]["points"]["policy"] = rules.points
    return {**{name: None for name in bundled if name not in changes}, **changes}
