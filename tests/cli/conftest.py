import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from ferry import ferry_fixture  # noqa: E402,F401
