"""The registry of systems."""

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from connector import logs, systems
from connector.errors import ConfigError
from connector.records import Side
from connector.settings import Settings, load_settings

CONFIGURATION = """\
systems:
  crm:
    system: reference-crm
    url: http://127.0.0.1:8101/
    client_id: demo-client
    client_secret: hunter2222
  erp:
    system: reference-erp
    url: http://127.0.0.1:8102
    api_key: hunter2223
"""


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def read(text: str = CONFIGURATION) -> Settings:
        path = tmp_path / "connector.yaml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, {})

    return read


def issues(settings: Settings) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        systems.check(settings)
    return [f"{issue.line}: {issue.path}: {issue.message}" for issue in caught.value.issues]


def brings(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    points = EntryPoints([EntryPoint(name, value, systems.GROUP)])
    monkeypatch.setattr(systems, "entry_points", lambda *, group: points.select(group=group))


CUSTOM = systems.find("reference-erp")._replace(name="custom", title="Custom")


def test_the_reference_systems_are_there() -> None:
    assert {"reference-crm", "reference-erp"} <= {kind.name for kind in systems.listed()}


def test_each_bundled_system_has_a_mapping_table() -> None:
    folder = Path(systems.__file__).parent / "mappings"

    assert all((folder / f"{kind.mapping}.yaml").is_file() for kind in systems.listed())


def test_an_unknown_system_is_refused_with_the_name_that_was_meant() -> None:
    with pytest.raises(ConfigError, match='there is no system "reference-cmr"; did you mean "reference-crm"'):
        systems.find("reference-cmr")


def test_a_name_near_to_none_gets_the_whole_list() -> None:
    with pytest.raises(ConfigError, match=r"there are .*reference-crm, reference-erp"):
        systems.find("zebra")


def test_options_are_read_and_hidden(load: Any) -> None:
    kind, options = systems.read_options(load(), Side.CRM)

    assert kind.name == "reference-crm"
    assert options.plain() == {
        "url": "http://127.0.0.1:8101",
        "timeout": 60,
        "client_id": "demo-client",
        "client_secret": "hunter2222",
    }
    assert "hunter2222" not in repr(options)
    assert logs.hide("said hunter2222") == f"said {logs.HIDDEN}"


def test_what_is_wrong_on_both_sides_is_told_at_once(load: Any) -> None:
    text = CONFIGURATION.replace("reference-crm", "referenz-crm").replace("api_key: hunter2223", "apikey: hunter2223")

    assert issues(load(text)) == [
        '3: systems.crm.system: there is no system "referenz-crm"; did you mean "reference-crm"?',
        "7: systems.erp.api_key: is missing",
        '10: systems.erp.apikey: unknown key; did you mean "api_key"?',
    ]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("crm.example.com", "write an address such as https://crm.example.com", id="no scheme"),
        pytest.param("ftp://crm", "write an address such as https://crm.example.com", id="another protocol"),
        pytest.param(
            "https://me:pw@crm", "put credentials into their own keys, not into the address", id="a password in it"
        ),
    ],
)
def test_an_address_is_http_and_holds_no_credentials(load: Any, url: str, message: str) -> None:
    text = CONFIGURATION.replace("http://127.0.0.1:8102", url)

    assert issues(load(text)) == [f"9: systems.erp.url: {message}"]


def test_connecting_makes_the_adapter_and_no_request(load: Any) -> None:
    adapter = systems.connect(load(), Side.ERP)

    assert type(adapter).__name__ == "ReferenceErp"
    adapter.close()


def test_a_package_brings_a_system_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    brings(monkeypatch, "custom", f"{__name__}:CUSTOM")

    monkeypatch.setattr(EntryPoint, "load", lambda _: CUSTOM)

    assert systems.find("custom") is CUSTOM
    assert CUSTOM in systems.listed()


def test_a_package_cannot_replace_a_bundled_system(monkeypatch: pytest.MonkeyPatch) -> None:
    brings(monkeypatch, "reference-erp", "connector.records:Side")

    assert systems.find("reference-erp").title == "Reference ERP"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param("no.such.module:KIND", "cannot be imported", id="a module that is not there"),
        pytest.param("connector.records:KIND", "cannot be imported", id="a name that is not there"),
        pytest.param("connector.records:Side", "is not a SystemKind", id="something else"),
    ],
)
def test_a_broken_entry_point_is_told_by_name(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    brings(monkeypatch, "custom", value)

    with pytest.raises(ConfigError, match=f'"custom" of .* {message}'):
        systems.find("custom")


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_bundle_without_certificates_is_refused_before_the_first_request(
    load: Any, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "authority.pem"
    if content is not None:
        bundle.write_text(content, encoding="utf-8")
    text = CONFIGURATION + f"    ca_bundle: {bundle}\n"

    assert issues(load(text)) == [
        "11: systems.erp.ca_bundle: name a file that can be read and holds certificates (PEM)"
    ]
