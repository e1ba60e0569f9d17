"""A team's own Python functions, named in a pipeline file as `module:function`."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from jobs.errors import UsageError


def plug_in(name: str, where: str) -> Callable[..., Any]:
    """The function `module:function`.

    Args:
        name: as in the file.
        where: the key that names it, for the message.

    Raises:
        UsageError: there is no such module or function, or the module fails when it is imported.
    """
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function)
    except Exception as error:
        msg = f"{where}: `{name}` cannot be imported ({type(error).__name__}: {error}); put {module.split('.')[0]}.py beside the pipeline file, or install it."
        raise UsageError(msg) from error
    if not callable(found):
        msg = f"{where}: `{name}` is a {type(found).__name__}; name a function."
        raise UsageError(msg)
    return found  # type: ignore[no-any-return]


def make_importable(folder: Path) -> None:
    """Let modules in `folder` be imported here, and in the Python workers of a Spark that is started later.

    Last on the path, so that no file of a team hides a library; a folder that is a package itself is imported by its full name.
    """
    place = str(folder.absolute())
    if (folder / "__init__.py").exists():
        return
    if place not in sys.path:
        sys.path.append(place)
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if place not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join([*filter(None, known), place])
