"""`--model`: where the network's class is.

"package.module:Class", "net.py:Net", "net.py:make_net", "net.py:Net(10, width=0.5)".
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from freeml_pack.errors import PackError
from freeml_pack.frontend.quiet import first_line, importable, quiet

_SPEC = re.compile(r"(?P<module>.+?\.py|[\w.]+):(?P<name>[\w.]+)(?P<call>\(.*\))?", re.DOTALL)


def build_model(spec: str) -> nn.Module:
    """Imports the module and calls the class or function. Raises PackError that says what is wrong with the spec."""
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise PackError(f"--model '{spec}' is not of the form module:Class or file.py:Class; for instance --model net.py:Net")
    arguments, keywords = _parse_call(match["call"] or "()", spec)
    with quiet(), importable(Path.cwd()):
        target: Any = _import(match["module"], spec)
        for part in match["name"].split("."):
            if not hasattr(target, part):
                raise PackError(f"--model '{spec}': {match['module']} has no '{match['name']}'; {_candidates(target)}")
            target = getattr(target, part)
        if isinstance(target, nn.Module):
            return target
        try:
            module = target(*arguments, **keywords)
        except Exception as error:
            raise PackError(
                f"--model '{spec}': calling {match['name']} fails ({first_line(error)}); give its arguments, as in "
                f"'{match['module']}:{match['name']}(10)'"
            ) from error
    if not isinstance(module, nn.Module):
        raise PackError(f"--model '{spec}' gives a {type(module).__name__}, not a torch.nn.Module; name the network's class")
    return module


def _parse_call(call: str, spec: str) -> tuple[list[Any], dict[str, Any]]:
    """Arguments of "(10, width=0.5)"; literals only, so that nothing is evaluated."""
    try:
        node = ast.parse(f"f{call}", mode="eval").body
        if not isinstance(node, ast.Call) or any(keyword.arg is None for keyword in node.keywords):
            raise ValueError
        arguments = [ast.literal_eval(argument) for argument in node.args]
        return arguments, {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    except (SyntaxError, ValueError) as error:
        raise PackError(
            f"--model '{spec}': the arguments must be plain numbers, strings, lists or True/False; for more, write a function "
            "without arguments in the file and name that"
        ) from error


def _import(name: str, spec: str) -> ModuleType:
    is_file = name.endswith(".py")
    if is_file and not Path(name).is_file():
        raise PackError(f"--model '{spec}': there is no file {name}; check the path")
    try:
        return _import_file(Path(name)) if is_file else importlib.import_module(name)
    except ModuleNotFoundError as error:
        hint = "" if is_file else "; a file is named with its .py"
        raise PackError(f"--model '{spec}': {first_line(error)}{hint}; run where it can be imported") from error
    except (Exception, SystemExit) as error:
        raise PackError(
            f"--model '{spec}': importing {name} fails ({type(error).__name__}: {first_line(error)}); fix the file"
        ) from error


def _import_file(path: Path) -> ModuleType:
    module_spec = importlib.util.spec_from_file_location(f"freeml_model_{path.stem}", path)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[module_spec.name] = module  # dataclasses and pickles in the file look themselves up
    with importable(path.resolve().parent):
        module_spec.loader.exec_module(module)
    return module


def _candidates(module: Any) -> str:
    names = [name for name, value in vars(module).items() if isinstance(value, type) and issubclass(value, nn.Module)]
    return f"it has {', '.join(names)}" if names else "name a torch.nn.Module class or a function that returns one"
