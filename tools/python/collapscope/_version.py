"""The version of the package: the one place where it stands (a test compares it with the program's)."""
__version__ = "0.1.0"
