"""What an archive's list and results cost: processor time and bytes a scan, for the estimate in docs/fleet.md.

python -m benchmarks.fleet_costs --scans 5000 --json docs/results/fleet/costs.json
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import process_time

from benchmarks.fleet_archive import write_archive, write_model
from benchmarks.results import tell
from parcelsight.fleet.comparing import compare
from parcelsight.fleet.engines import LocalEngine
from parcelsight.fleet.rescreening import Rescreening


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=5000)
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-costs-") as name:
        folder = Path(name)
        write_archive(folder / "scans", options.scans)
        model = write_model(folder / "model.onnx")
        started = process_time()
        work = Rescreening(str(folder / "scans"), str(folder / "out"), model)
        listed = process_time()
        list(work.run(LocalEngine()))
        screened = process_time()
        work.finish()
        finished = process_time()
        for _ in compare(str(folder / "out"), str(folder / "out"))[1]:
            pass
        compared = process_time()
        parts = {part: (folder / "out" / part).iterdir() for part in ("listing", "verdicts")}
        sizes = {part: sum(file.stat().st_size for file in files) for part, files in parts.items()}
    result = {
        "scans": options.scans,
        "processor_us_a_scan": {
            name: round(1e6 * seconds / options.scans, 1)
            for name, seconds in {
                "list": listed - started,
                "everything but the network (a tiny one runs)": screened - listed,
                "manifest": finished - screened,
                "compare": compared - finished,
            }.items()
        },
        "bytes_a_scan": {part: round(size / options.scans, 1) for part, size in sizes.items()},
    }
    tell(result, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
