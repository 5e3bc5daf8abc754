"""Stands in for packages that make options out of functions and classes: `fire`, `tyro`, `hydra`, `click`, `absl`.

What they would read from the command line has its default, and what has none a guess by its name.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from outlayer_lint.tracer.child.building.guesses import by_name
from outlayer_lint.tracer.child.surroundings.absent import Absent

if TYPE_CHECKING:
    from collections.abc import Callable


class Options(dict[str, Any]):
    """Nested options, by key or as attributes; one that is not there has a guess."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __missing__(self, key: str) -> Any:
        self[key] = guessed(key)
        return self[key]


def of(package: str) -> dict[str, Any]:
    """What a package of this name offers, {} where it is not one of these."""
    return KNOWN.get(package, dict)()


def guessed(name: str) -> Any:
    """The value of an option by its name."""
    try:
        found = by_name(name)
    except KeyError:
        return Absent(name)
    return name if found is None else found


def called(thing: Any, *_: Any, **__: Any) -> Any:
    """What comes of a function or a class whose parameters are read from the command line."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return thing
    empty = inspect.Parameter.empty
    needed = [
        each
        for each in parameters
        if each.default is empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    return thing(**{each.name: _typed(each) for each in needed})


def _typed(parameter: inspect.Parameter) -> Any:
    kind = parameter.annotation
    if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__"):
        return called(kind)
    found = guessed(parameter.name)
    return (
        {int: 2, float: 0.1, bool: False, str: parameter.name}.get(kind, found) if isinstance(found, Absent) else found
    )


def fired(component: Any = None, *_: Any, **__: Any) -> Any:
    """`fire.Fire`: calls a function, or the first method of a class or an object that trains."""
    if inspect.isfunction(component):
        return called(component)
    if component is None or isinstance(component, dict):
        found = component if isinstance(component, dict) else vars(sys.modules["__main__"])
        functions = {name: value for name, value in found.items() if inspect.isfunction(value)}
        return called(_main(functions)) if functions else None
    made = called(component) if isinstance(component, type) else component
    methods = {
        name: getattr(made, name) for name in dir(made) if not name.startswith("_") and callable(getattr(made, name))
    }
    return called(_main(methods)) if methods else made


def _main(functions: dict[str, Any]) -> Any:
    """The function that trains, by its name."""
    names = sorted(functions, key=lambda name: ("train" not in name, name not in ("main", "run", "fit")))
    return functions[names[0]]


def configured(*_: Any, config_path: str | None = None, config_name: str | None = None, **__: Any) -> Any:
    """`hydra.main`: the configuration is the project's YAML, as far as it can be read."""

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        home = os.path.dirname(inspect.getsourcefile(function) or "")
        path = os.path.join(home, config_path or "", f"{(config_name or 'config').removesuffix('.yaml')}.yaml")
        return lambda *args: function(*(args or (_loaded(path),)))

    return decorated


def _loaded(path: str) -> Options:
    """A YAML file with those that its defaults name."""
    try:
        yaml: Any = __import__("yaml")
        with open(path, encoding="utf-8") as file:
            found = yaml.safe_load(file) or {}
    except Exception:  # noqa: BLE001 - no reader of YAML, or none that understands this
        return Options()
    options: Options = nested(found)
    for each in found.get("defaults", ()) if isinstance(found, dict) else ():
        for group, name in each.items() if isinstance(each, dict) else ():
            if isinstance(name, str):
                options[group] = _loaded(os.path.join(os.path.dirname(path), str(group), f"{name}.yaml"))
    return options


def nested(tree: Any) -> Any:
    """Dicts as options."""
    if isinstance(tree, dict):
        return Options({str(key): nested(value) for key, value in tree.items()})
    return [nested(each) for each in tree] if isinstance(tree, list) else tree


# -- click and absl ---------------------------------------------------------------------------------------------------


class Command:
    """A function whose parameters are options of `click`, with the defaults that were stated."""

    def __init__(self, function: Any) -> None:
        """`function` or a command that has options already."""
        self.function = function
        self.options: dict[str, Any] = {}

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Run it."""
        names = inspect.signature(self.function).parameters
        known = {name: value for name, value in self.options.items() if name in names}
        rest = {name: guessed(name) for name, each in names.items() if name not in known and each.default is each.empty}
        return self.function(**known, **rest)

    def command(self, *_: Any, **__: Any) -> Any:
        """A command of a group."""
        return Command


def option(*names: str, **settings: Any) -> Any:
    """`click.option` and `click.argument`."""

    def decorated(function: Any) -> Any:
        made = function if isinstance(function, Command) else _pending(function)
        name = next((each for each in names if not each.startswith("-")), "") or max(names, key=len).lstrip("-")
        name = name.replace("-", "_").partition("/")[0]
        value = settings.get("default")
        if value is None:
            value = False if settings.get("is_flag") else settings.get("type") and _of_type(settings["type"], name)
        made.__dict__.setdefault("_options", {})[name] = guessed(name) if value is None else value
        return made

    return decorated


def _of_type(kind: Any, name: str) -> Any:
    found = guessed(name)
    return {int: 2, float: 0.1, str: name}.get(kind) if isinstance(found, Absent) else found


def _pending(function: Any) -> Any:
    return function


def command(*_: Any, **__: Any) -> Any:
    """`click.command` and `click.group`."""

    def decorated(function: Any) -> Command:
        made = Command(function)
        made.options = dict(getattr(function, "_options", {}))
        return made

    return decorated


class Flags:
    """`absl.flags.FLAGS`."""

    def __init__(self) -> None:
        """No flags yet."""
        self.__dict__["_known"] = {}

    def __getattr__(self, name: str) -> Any:
        known: dict[str, Any] = self.__dict__["_known"]
        value = known.get(name)
        return guessed(name) if value is None else value

    def __call__(self, *_: Any) -> list[str]:
        """Nothing is left."""
        return sys.argv[:1]


def _flags() -> dict[str, Any]:
    flags = Flags()

    def define(name: str, default: Any = None, *_: Any, **__: Any) -> None:
        flags.__dict__["_known"][name] = default

    kinds = ("string", "integer", "float", "boolean", "bool", "list", "enum", "multi_string", "multi_integer")
    module = ModuleType("absl.flags")
    module.__dict__.update({f"DEFINE_{kind}": define for kind in kinds}, FLAGS=flags, mark_flag_as_required=define)
    return vars(module)


def _absl() -> dict[str, Any]:
    flags, app = ModuleType("absl.flags"), ModuleType("absl.app")
    flags.__dict__.update(_flags())
    app.__dict__["run"] = lambda main, *_, **__: main(sys.argv[:1])
    return {"flags": flags, "app": app}


def _configargparse() -> dict[str, Any]:
    class Parser(argparse.ArgumentParser):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            extra = ("default_config_files", "config_file_parser_class", "formatter_class", "auto_env_var_prefix")
            super().__init__(*args, **{key: value for key, value in kwargs.items() if key not in extra})

        def add_argument(self, *args: Any, **kwargs: Any) -> Any:
            for word in ("is_config_file", "env_var", "is_config_file_arg"):
                kwargs.pop(word, None)
            return super().add_argument(*args, **kwargs)

    names = {name: getattr(argparse, name) for name in dir(argparse) if name[0].isupper()}
    return {**names, "ArgumentParser": Parser, "ArgParser": Parser, "Parser": Parser}


KNOWN: dict[str, Callable[[], dict[str, Any]]] = {
    "fire": lambda: {"Fire": fired},
    "tyro": lambda: {"cli": called},
    "hydra": lambda: {"main": configured},
    "click": lambda: {"command": command, "group": command, "option": option, "argument": option},
    "absl": _absl,
    "absl.flags": _flags,
    "absl.app": lambda: vars(_absl()["app"]),
    "configargparse": _configargparse,
    "easydict": lambda: {"EasyDict": Options},
    "munch": lambda: {"Munch": Options},
}
