"""The configuration that `connector init` writes."""

import stat
from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from connector.documents import load_document
from connector.errors import ConfigError
from connector.settings import Settings, load_settings
from connector.starter import SystemChoice, render_config, write_config

CRM = SystemChoice(
    "reference-crm",
    {"url": "http://127.0.0.1:8101", "client_id": "demo-client", "client_secret": "${env:CRM_CLIENT_SECRET}"},
)
ERP = SystemChoice("reference-erp", {"url": "http://127.0.0.1:8102", "api_key": "${env:ERP_API_KEY}"})
SECRETS = {"CRM_CLIENT_SECRET": "demo-secret", "ERP_API_KEY": "demo-key"}


def test_the_starting_configuration_loads_and_holds_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    write_config(path, render_config(CRM, ERP))

    settings = load_settings(path, SECRETS)

    defaults = Settings.model_validate({"systems": settings.systems})
    assert settings.model_dump() == defaults.model_dump()
    assert settings.systems.erp.options == {"url": "http://127.0.0.1:8102", "api_key": "demo-key"}


def test_the_example_in_the_repository_is_the_starting_configuration() -> None:
    example = Path(__file__).parent.parent / "config/connector.example.yaml"

    assert example.read_text(encoding="utf-8") == render_config(CRM, ERP)


@given(st.text())
@example("null")
@example("00042")
@example("a: b #c")
@example("@erp@")
@example("\\1")
@example("x\n\u0085\u2028\x7f🙂y")
def test_any_value_is_read_back_as_it_was_given(value: str) -> None:
    text = render_config(SystemChoice("s", {"url": value}), ERP, store_url=value)

    data = load_document(text).data
    assert data["systems"]["crm"]["url"] == value
    assert data["store"]["url"] == value


def test_a_configuration_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "connector.yaml"

    write_config(path, "x")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_existing_configuration_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    path.write_text("mine", encoding="utf-8")

    with pytest.raises(ConfigError, match="already"):
        write_config(path, "theirs")

    assert path.read_text(encoding="utf-8") == "mine"
