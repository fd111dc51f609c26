"""Settings classes and YAML files agree: keys, defaults and comments."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from rlrun.agents import AGENTS, agent_class
from rlrun.cli.config.paths import config_root
from rlrun.core.fields import Field, fields_of
from rlrun.core.schema import check
from rlrun.curiosity.options import CURIOSITY
from rlrun.envs.settings import GAME_SETTINGS, EnvSettings
from rlrun.explore.options import EXPLORE
from rlrun.nets.device import DeviceSettings
from rlrun.replay.options import REPLAY
from rlrun.settings import Settings
from tests.support.common import settings

CONF = config_root()
GROUPS = ("agent", "replay", "explore", "curiosity", "device", "env", "tuned")
"""Groups that are chosen by files of their names."""
LINE = re.compile(r"^( *)(\w+): *([^#]*?) *(?:# (.*))?$", re.MULTILINE)


def classes() -> Iterator[tuple[str, type]]:
    """Every YAML file of a group, and the settings class of its option."""
    for name in AGENTS:
        yield f"agent/{name}", agent_class(name).settings_class
    for group, registry in (("explore", EXPLORE), ("replay", REPLAY), ("curiosity", CURIOSITY)):
        for path in sorted((CONF / group).glob("*.yaml")):
            name = yaml.safe_load(path.read_text("utf-8"))["name"]
            if name is not None:
                yield f"{group}/{path.stem}", registry[name]
    for path in sorted((CONF / "device").glob("*.yaml")):
        yield f"device/{path.stem}", DeviceSettings


CLASSES = dict(classes())


def is_base(file: str) -> bool:
    """Whether a file is not based on another option, so that its values are the defaults."""
    group, _, option = file.partition("/")
    entries = yaml.safe_load((CONF / f"{file}.yaml").read_text("utf-8")).get("defaults", [])
    if group == "agent":
        return not any(entry in AGENTS for entry in entries if isinstance(entry, str))
    return option in (*EXPLORE, *REPLAY, *CURIOSITY, "auto")  # brief is another linear


BASES = {file for file in CLASSES if is_base(file)}


def given(file: str) -> dict[str, Any]:
    """The keys of a file, without its name and defaults list."""
    values = yaml.safe_load((CONF / f"{file}.yaml").read_text("utf-8"))
    values = values.get("agent", values)  # a file that also sets run-wide settings
    return {key: value for key, value in values.items() if key not in ("name", "defaults")}


def comments(text: str) -> dict[str, str]:
    """The comments of the keys in a YAML file, by full key."""
    found, outer = {}, ""
    for indent, key, value, comment in LINE.findall(text):
        if not indent:
            outer = "" if value else f"{key}."
        if comment:
            found[f"{outer if indent else ''}{key}"] = comment
    return found


def all_fields() -> dict[str, Field]:
    """The run-wide settings by full key: "seed", "log.every", ..."""
    found = {}
    hints = typing.get_type_hints(Settings)
    for each in fields_of(Settings):
        kinds = [hints[each.name], *typing.get_args(hints[each.name])]
        inner: Any = next((kind for kind in kinds if dataclasses.is_dataclass(kind)), None)
        if each.name in GROUPS:
            continue
        if inner is None:
            found[each.name] = each
        else:
            found |= {f"{each.name}.{one.name}": one for one in fields_of(inner)}
    return found


def same(comment: str, field: Field) -> bool:
    """Whether a comment is the field's first line, apart from its full stop and capital letter."""
    line = field.doc.partition("\n\n")[0].removesuffix(".")
    return comment[:1].lower() + comment[1:] == line[:1].lower() + line[1:]


@pytest.mark.parametrize("file", CLASSES)
def test_a_file_has_the_fields_of_its_class(file: str) -> None:
    names = [each.name for each in fields_of(CLASSES[file])]
    if file.startswith("device/"):
        names.remove("name")
    assert set(given(file)) <= set(names)
    if file in BASES or file.startswith(("explore/", "replay/", "curiosity/", "device/")):
        assert sorted(given(file)) == sorted(names)


@pytest.mark.parametrize("file", sorted(BASES))
def test_the_values_of_a_file_are_the_defaults_of_its_class(file: str) -> None:
    cls = CLASSES[file]
    values = {key: _number(value) for key, value in given(file).items()}
    defaults = {each.name: each.default for each in fields_of(cls)}
    defaults.pop("name", None)  # of the device
    if file.startswith("device/"):  # runs of earlier versions, without this setting, are torch's
        assert (values.pop("products"), defaults.pop("products")) == ("auto", "torch")
    assert check(cls, values, "x") == defaults


def _number(value: Any) -> Any:
    """1e-3 is text for PyYAML, and a number for Hydra."""
    if isinstance(value, str) and re.fullmatch(r"-?\d[\d.]*e-?\d+", value):
        return float(value)
    return value


@pytest.mark.parametrize("file", CLASSES)
def test_a_comment_is_the_first_line_of_the_fields_docstring(file: str) -> None:
    fields = {each.name: each for each in fields_of(CLASSES[file])}
    text = (CONF / f"{file}.yaml").read_text("utf-8")
    said = {key.rpartition(".")[2]: comment for key, comment in comments(text).items()}
    assert [key for key in said if key in fields and not same(said[key], fields[key])] == []
    if file in BASES:
        assert [key for key in given(file) if key not in said] == []


def test_the_comments_of_the_run_wide_settings_are_those_of_their_fields() -> None:
    fields, said = all_fields(), comments((CONF / "config.yaml").read_text("utf-8"))
    said = {key: comment for key, comment in said.items() if key in fields}
    assert fields.keys() - said.keys() <= {"search.space"}  # which the search files set
    assert [key for key in said if not same(said[key], fields[key])] == []


def test_the_values_of_config_yaml_are_the_defaults() -> None:
    composed = settings("agent=dqn", "env=CartPole-v1", "tuned=none")
    for key, each in all_fields().items():
        node: Any = composed
        for part in key.split("."):
            node = node[part]
        if key != "search.space":
            assert node == each.default, key


def test_every_environment_has_the_fields_of_the_environment() -> None:
    defaults = {each.name: each.default for each in fields_of(EnvSettings)}
    shared = settings("env=Pendulum-v1", "agent=random")["env"]
    assert defaults.keys() - shared.keys() == set(GAME_SETTINGS)
    shared.pop("id")
    assert (shared["action_mask"], defaults["action_mask"]) == ("auto", "off")
    for key, value in shared.items():
        # the class's defaults of these are for runs of versions without those settings
        if key not in ("obs", "action_mask"):
            assert value == defaults[key], key
    game = settings("env=ALE/Pong-v5", "agent=random")["env"]
    assert game.keys() == defaults.keys()


def test_every_field_has_a_docstring_whose_first_paragraph_is_a_line() -> None:
    every = {cls for cls in CLASSES.values()} | {EnvSettings, Settings}
    fields = [(cls, each) for cls in every for each in fields_of(cls)]
    fields += [(Settings, each) for each in all_fields().values()]
    assert len(fields) > 150
    for cls, each in fields:
        first = each.doc.partition("\n\n")[0]
        assert first.endswith((".", ")")) and "\n" not in first, f"{cls.__name__}.{each.name}"
