"""The state of single records: there, absent, or not to be seen with these rights."""

from collections.abc import Sequence

from connector.adapters.odoo.calls import Fault
from connector.adapters.odoo.reading import Reader, numbers_of
from connector.adapters.odoo.schema import Tree
from connector.errors import AuthenticationFailed, ProtocolError
from connector.records import Fetched, Presence, Remote

DENIED = "AccessError"


def fetch(reader: Reader, model: str, ids: Sequence[str], tree: Tree) -> list[Fetched]:
    """Each id in its order. `read` leaves out what is not there and refuses what is hidden: that tells them apart."""
    told = _read(reader, model, numbers_of(dict.fromkeys(ids)), tree)
    return [_fetched(each, told.get(each)) for each in ids]


def _fetched(record_id: str, told: Remote | Presence | None) -> Fetched:
    if isinstance(told, Remote):
        return Fetched(record_id, Presence.PRESENT, told)
    return Fetched(record_id, told or Presence.ABSENT)


def _read(reader: Reader, model: str, numbers: Sequence[int], tree: Tree) -> "dict[str, Remote | Presence]":
    """What is there, halving what is refused until each hidden record stands alone."""
    if not numbers:
        return {}
    try:
        return {each.id: each for each in reader.read(model, numbers, tree)}
    except Fault as fault:
        if fault.kind != DENIED:
            raise failed(fault, model) from None
    if len(numbers) == 1:
        return {str(numbers[0]): Presence.FORBIDDEN}
    half = len(numbers) // 2
    return {**_read(reader, model, numbers[:half], tree), **_read(reader, model, numbers[half:], tree)}


def failed(fault: Fault, model: str) -> AuthenticationFailed | ProtocolError:
    """Why a whole call could not be done."""
    if fault.kind == DENIED:
        return AuthenticationFailed(f"odoo: {model} may not be read with these credentials; give their user the rights")
    return ProtocolError(f"odoo: {model} cannot be read ({fault.kind}); check the mapping and the installed modules")
