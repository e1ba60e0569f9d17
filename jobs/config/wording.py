"""What is wrong with a pipeline file, in words: where, what, what was given, what is allowed."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

Place = tuple[str | int, ...]
PATH: Final = re.compile(r"^[\w.]+: ")
"""How a line begins that says itself where below its section the problem is."""
TAGS: Final = re.compile(r"literal\[.*|constrained-\w+|function-\w+.*|\[key\]|list\[.*|dict\[.*")
"""What pydantic adds to a place to tell the members of a union apart."""


def lines_of(problem: Mapping[str, Any], file: type[BaseModel]) -> Iterator[str]:
    """A line per problem; a rule over a whole section may have found several.

    Args:
        problem: as pydantic lists it.
        file: the model of the whole file.
    """
    where = ".".join(str(part) for part in problem["loc"] if not TAGS.fullmatch(str(part)))
    if problem["type"] == "value_error":
        for line in str(problem["ctx"]["error"]).splitlines():
            yield ".".join(filter(None, [where, line])) if PATH.match(line) else f"{where or 'file'}: {line}"
    else:
        yield f"{where or 'file'}: {_said(problem, file)}{_given(problem)}"


def _given(problem: Mapping[str, Any]) -> str:
    # The input of a missing key, or of a rule over a whole section, is that section: noise, and it may hold secrets.
    is_section = isinstance(problem.get("input"), dict | list)
    return "" if is_section or problem["type"] == "missing" else f" (got {problem['input']!r})"


def _said(problem: Mapping[str, Any], file: type[BaseModel]) -> str:
    """Pydantic's sentence, or a plainer one with what is allowed."""
    match problem["type"]:
        case "extra_forbidden":
            return f"is not known here{_allowed(problem['loc'], file)}"
        case "missing":
            return "is required and not there"
        case "string_pattern_mismatch":
            return f"must match {problem['ctx']['pattern']}"
        case "model_type" | "dict_type":
            return "must be a mapping"
        case "invalid_key":
            return "a key must be a word; put it in quotes"
        case _:
            return str(problem["msg"]).replace("Input should be", "must be")


def _allowed(place: Place, file: type[BaseModel]) -> str:
    """The keys of the section in which an unknown key stands, the most alike first."""
    section = section_at(place[:-1], file)
    if section is None:
        return ""
    names = sorted(field.alias or name for name, field in section.model_fields.items())
    near = get_close_matches(str(place[-1]), names, n=1)
    return f"{f', did you mean `{near[0]}`?' if near else ';'} allowed are {', '.join(names)}"


def section_at(place: Place, file: type[BaseModel]) -> type[BaseModel] | None:
    """The model of the section at a place of the file, if it has one."""
    found: Any = file
    for part in place:
        if isinstance(found, type) and issubclass(found, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in found.model_fields.items()}
            found = _plain(fields.get(str(part)))
        else:
            found = _plain(next(reversed(get_args(found)), None))
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _plain(annotation: Any) -> Any:
    """Without what `Annotated` adds and without `None`."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        annotation = next(one for one in get_args(annotation) if one is not NoneType)
    return annotation
