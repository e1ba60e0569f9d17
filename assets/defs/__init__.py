"""Definitions, and nothing but definitions: all of it is imported when Dagster loads."""
