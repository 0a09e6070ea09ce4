"""Short ways to ask a server and to look at the whole answer, refusals included."""

from typing import Any

import requests

from tests.systems import System


def ask(system: System, method: str, path: str, **options: Any) -> requests.Response:
    return system.session.request(method, f"{system.base}/{path}", timeout=30, **options)


def batch(crm: System, collection: str, *operations: dict[str, Any], minimal: bool = False) -> list[dict[str, Any]]:
    params = {"return": "minimal"} if minimal else {}
    answer = ask(crm, "POST", f"{collection}/batch", json={"operations": list(operations)}, params=params)
    assert answer.status_code == 200
    return answer.json()["results"]


def bulk(erp: System, resource: str, **content: Any) -> list[dict[str, Any]]:
    answer = ask(erp, "POST", f"{resource}/bulk", json=content)
    assert answer.status_code == 200
    return answer.json()["results"]


def refusal(answer: requests.Response) -> tuple[int, str, str | None]:
    """Status, code and field of a refusal, in either server's spelling."""
    content = answer.json()
    if isinstance(content["error"], str):
        return answer.status_code, content["error"], content.get("field")
    return answer.status_code, content["error"]["code"], content["error"].get("field")
