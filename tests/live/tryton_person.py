"""Somebody who works in a live Tryton: speaks its JSON-RPC by plain requests, and shares no code with the adapter."""

import base64
from typing import Any

import requests

COMPANY = {"company": 1, "language": "en", "active_test": False}


class Person:
    """A session of a user; every call is asserted to succeed."""

    def __init__(self, server: dict[str, Any], login: str, password: str) -> None:
        self.url, self.login, self.password = server["rpc_url"], login, password
        self.session = requests.Session()
        self.user_id, token, _ = self.call("common.db.login", login, {"password": password})
        words = base64.b64encode(f"{login}:{self.user_id}:{token}".encode()).decode()
        self.session.headers["Authorization"] = f"Session {words}"

    @classmethod
    def admin(cls, server: dict[str, Any]) -> "Person":
        """The administrator."""
        return cls(server, server["user"], server["password"])

    def call(self, method: str, *params: Any) -> Any:
        answer = self.session.post(self.url, json={"id": 1, "method": method, "params": params}, timeout=120)
        answer.raise_for_status()
        told = answer.json()
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    def do(self, model: str, method: str, *params: Any, **context: Any) -> Any:
        """Call a method of a model."""
        return self.call(f"model.{model}.{method}", *params, {**COMPANY, **context})

    def create(self, model: str, *values: dict[str, Any]) -> list[int]:
        return self.do(model, "create", list(values))

    def write(self, model: str, record_id: int | str, **values: Any) -> None:
        self.do(model, "write", [int(record_id)], values)

    def delete(self, model: str, *ids: int | str) -> None:
        self.do(model, "delete", [int(each) for each in ids])

    def listed(self, model: str, fields: list[str], *domain: Any) -> list[dict[str, Any]]:
        """Every record that fits, in the order of ids."""
        return self.do(model, "search_read", list(domain), 0, None, [["id", "ASC"]], fields)

    def close(self) -> None:
        self.session.close()


def decimal(text: str) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": text}
