"""The configuration: files, references, the environment, and how errors are told."""

from datetime import timedelta
from pathlib import Path

import pytest

from connector.durations import parse_duration
from connector.errors import ConfigError
from connector.mappings.loader import load_entities
from connector.records import Side
from connector.settings import Settings, load_settings, schema

MINIMAL = "systems: {crm: {system: a}, erp: {system: b}}\n"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Where the tests write their configuration."""
    return tmp_path / "connector.yaml"


def load(path: Path, text: str, **environ: str) -> Settings:
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environ)


def issues(path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, text, **environ)
    return [str(issue).removeprefix(f"{path}:") for issue in caught.value.issues]


def test_two_systems_are_a_whole_configuration(written: Path) -> None:
    settings = load(written, MINIMAL)

    assert settings.systems.on(Side.ERP).system == "b"
    assert settings.store.url.get_secret_value() == "sqlite:///connector.db"
    assert settings.sync.enumerate_every == timedelta(hours=24)


def test_the_options_of_a_system_are_whatever_stands_beside_its_name(written: Path) -> None:
    settings = load(written, "systems: {crm: {system: a, url: u, deep: {er: [1]}}, erp: {system: b}}")

    assert settings.systems.crm.options == {"url": "u", "deep": {"er": [1]}}


def test_a_reference_takes_a_secret_from_the_environment(written: Path) -> None:
    settings = load(written, 'systems: {crm: {system: a, key: "x-${env:KEY}-y"}, erp: {system: b}}', KEY="k")

    assert settings.systems.crm.options["key"] == "x-k-y"


def test_a_reference_takes_a_secret_from_a_file_beside_the_configuration(written: Path) -> None:
    (written.parent / "key").write_text("line one\nline two\n", encoding="utf-8")

    settings = load(written, 'systems: {crm: {system: a, key: "${file:key}"}, erp: {system: b}}')

    assert settings.systems.crm.options["key"] == "line one\nline two"


def test_a_doubled_dollar_is_a_plain_one(written: Path) -> None:
    settings = load(written, 'systems: {crm: {system: a, key: "$${env:KEY}"}, erp: {system: b}}', KEY="k")

    assert settings.systems.crm.options["key"] == "${env:KEY}"


def test_a_secret_is_not_searched_for_references(written: Path) -> None:
    settings = load(written, 'systems: {crm: {system: a, key: "${env:KEY}"}, erp: {system: b}}', KEY="${env:HOME}")

    assert settings.systems.crm.options["key"] == "${env:HOME}"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        pytest.param("${env:NOPE}", "the environment variable NOPE is not set", id="an unset variable"),
        pytest.param("${env:EMPTY}", "the environment variable EMPTY is empty", id="an empty variable"),
        pytest.param("${file:nope}", "the file nope cannot be read: No such file or directory", id="a missing file"),
        pytest.param(
            "${evn:X}", '"evn" is not a place to read from, env and file are; did you mean "env"?', id="a typo"
        ),
        pytest.param("${env:X", "write ${env:NAME} or ${file:PATH}, or $${ for a plain ${", id="no closing brace"),
        pytest.param("${X}", "write ${env:NAME} or ${file:PATH}, or $${ for a plain ${", id="no kind"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told(written: Path, reference: str, message: str) -> None:
    text = f'systems:\n  crm: {{system: a}}\n  erp: {{system: b, key: "{reference}"}}\n'

    assert issues(written, text, EMPTY="") == [f"3: systems.erp.key: {message}"]


def test_everything_that_is_wrong_is_told_at_once_with_its_line(written: Path) -> None:
    text = (
        "systems:\n  crm: {system: a, url: '${env:NOPE}'}\n  erp: {}\n"
        "stoer: {}\nsync:\n  batch: many\n  enumerate_every: 24\nguards: []\n"
    )

    assert issues(written, text) == [
        "2: systems.crm.url: the environment variable NOPE is not set",
        "3: systems.erp.system: is missing",
        '4: stoer: unknown key; did you mean "store"?',
        "6: sync.batch: input should be a valid integer, unable to parse string as an integer",
        "7: sync.enumerate_every: write a duration such as 30s, 5m, 24h or 7d",
        "8: guards: must be a table of keys and values",
    ]


def test_a_wrong_value_is_never_repeated(written: Path) -> None:
    text = MINIMAL + "sync: {chunk: '${env:DAYS}'}\n"

    assert "hunter22" not in "".join(issues(written, text, DAYS="hunter22"))


def test_a_variable_overrides_the_file(written: Path) -> None:
    text = MINIMAL + "store: {url: '${env:NOT_SET}'}\n"

    settings = load(written, text, CONNECTOR_STORE__URL="sqlite://", CONNECTOR_SYNC__BATCH="7")

    assert settings.store.url.get_secret_value() == "sqlite://"
    assert settings.sync.batch == 7


def test_a_variable_that_means_nothing_is_told_by_its_name(written: Path) -> None:
    assert issues(written, MINIMAL, CONNECTOR_SNYC__BATCH="7", CONNECTOR_SYNC__CHUNK="x") == [
        'environment: CONNECTOR_SNYC__BATCH: unknown key; did you mean "sync"?',
        "environment: CONNECTOR_SYNC__CHUNK: input should be a valid integer, unable to parse string as an integer",
    ]


def test_other_variables_of_the_connector_are_left_alone(written: Path) -> None:
    assert load(written, MINIMAL, CONNECTOR_REQUIRE_POSTGRES="1", CONNECTOR_PORT="x").sync.batch == 200


def test_a_section_whose_rows_are_all_commented_out_is_empty(written: Path) -> None:
    assert load(written, MINIMAL + "sync:\n#  batch: 7\n").sync.batch == 200


def test_secrets_are_those_that_came_from_outside(written: Path) -> None:
    text = "systems: {crm: {system: a, url: '${env:URL}', key: '${env:KEY}'}, erp: {system: b}}"

    settings = load(written, text, URL="http://crm", KEY="k1", CONNECTOR_SYSTEMS__ERP__API_KEY="k2")

    assert settings.secrets == {"k1", "k2"}


def test_showing_the_settings_shows_no_secret(written: Path) -> None:
    text = (
        "systems: {crm: {system: a, key: hunter21}, erp: {system: b, key: '${env:KEY}'}}\n"
        "store: {url: 'postgresql://u:hunter23@h/d'}\n"
    )

    assert "hunter2" not in repr(load(written, text, KEY="hunter22"))


def test_errors_found_later_can_name_their_line(written: Path) -> None:
    settings = load(written, MINIMAL + "mappings:\n  crm:\n    customer: {nmae: x}\n")

    assert settings.document.line(("mappings", "crm", "customer", "nmae")) == 4
    assert settings.mappings.on(Side.CRM) == {"customer": {"nmae": "x"}}


def test_the_file_is_searched_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/connector.yaml").write_text(MINIMAL, encoding="utf-8")

    assert load_settings(environ={}).document.name == "config/connector.yaml"


def test_a_named_file_wins_over_the_search(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written.parent)
    written.write_text("systems: nonsense", encoding="utf-8")
    named = written.parent / "other.yaml"
    named.write_text(MINIMAL, encoding="utf-8")

    assert load_settings(environ={"CONNECTOR_CONFIG": str(named)}).document.name == str(named)


def test_without_a_file_the_way_to_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match="connector init"):
        load_settings(environ={})


@pytest.mark.parametrize("text", ["- a\n", "word\n", "''\n"])
def test_a_file_that_is_no_table_is_refused(written: Path, text: str) -> None:
    assert issues(written, text) == ["1: the configuration must be a table of sections (`systems:`, `store:`, …)"]


def test_an_empty_file_misses_its_systems(written: Path) -> None:
    assert issues(written, "")[0].endswith("systems: is missing")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600), ("1h30m", 5400)],
)
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "5", "5 m", "m", "-5m", "1.5h", "99999999999d", 5, True, None])
def test_anything_else_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="write a duration"):
        parse_duration(value)


def test_the_schema_describes_the_file_as_it_is_written() -> None:
    shown = schema()

    assert shown["$defs"]["SystemSettings"]["additionalProperties"] is True
    assert list(shown["$defs"]["SystemSettings"]["properties"]) == ["system"]
    assert shown["$defs"]["SyncSettings"]["properties"]["enumerate_every"]["default"] == "24h"


def test_an_entity_without_a_guard_gets_the_configured_one(written: Path) -> None:
    settings = load(written, MINIMAL + "guards: {deletes: 3}\n")

    entities = load_entities(guard=settings.guards)

    assert [entities[name].guard.deletes for name in ("order", "stock")] == [3, 20]


def test_secrets_of_what_listens_are_known_however_they_are_given(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    path.write_text(
        "systems: {crm: {system: reference-crm}, erp: {system: reference-erp}}\n"
        "webhooks: {crm: {secrets: [whsec_plain]}, erp: {secrets: ['${env:HOOK}']}}\n"
        "serve: {token: plain-token}\nalerts: {url: 'https://chat.example/secret'}\n",
        encoding="utf-8",
    )

    settings = load_settings(path, {"HOOK": "whsec_outside"})

    assert settings.secrets >= {"whsec_plain", "whsec_outside", "plain-token", "https://chat.example/secret"}
    assert "plain" not in repr(settings)


def test_a_secret_that_is_not_given_yet_is_none(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    (tmp_path / "later").touch()
    systems = "systems: {crm: {system: reference-crm}, erp: {system: reference-erp}}\n"
    path.write_text(f"{systems}webhooks: {{crm: {{secrets: ['${{file:later}}']}}}}\n", encoding="utf-8")

    assert load_settings(path, {}).webhooks.crm.secrets == []


def test_a_run_that_nobody_would_work_on_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    path.write_text(MINIMAL + "workers: {slots: 0}\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="without `queue: true` there are none"):
        load_settings(path, {})
