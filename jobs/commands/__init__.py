"""The commands of `matins`, by what they are about."""
