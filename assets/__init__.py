"""Matins as Dagster sees it; translates and nothing else."""
