"""What is said of the nights, most of them, in which no version waits: for whoever tells of nights, and light to load."""

from typing import Final

IDLE: Final = "no version was waiting in this night, so none was scored in shadow"
"""No concern of anybody's."""
