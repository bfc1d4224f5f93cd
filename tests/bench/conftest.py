"""What the tests of the benchmarks share."""


def pytest_configure(config):
    """Debian 12's Python still has crypt, and that will do."""
    config.addinivalue_line("filterwarnings", "ignore:'crypt' is deprecated")
