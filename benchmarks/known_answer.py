"""Write what the shipped model says of a sample parcel; run it whenever the shipped model changes.

    python -m benchmarks.known_answer [--sample parcel-10.jpg]

``parcelsight doctor`` compares every machine with this answer.
"""

from __future__ import annotations

import argparse
import sys

from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.errors import ParcelSightError
from parcelsight.inference.known_answer import ANSWER, make_answer


def main() -> int:
    """Ask the model and write its answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", default="parcel-10.jpg", help="a file of datasets/samples with an alarm in it")
    args = parser.parse_args()
    try:
        answer = make_answer(SHIPPED_MODEL, args.sample)
    except ParcelSightError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    ANSWER.write_text(answer.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print(f"{ANSWER.name}: {len(answer.detections)} detections in {answer.sample}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
