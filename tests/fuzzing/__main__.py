"""Coverage-guided fuzzing of everything that reads hostile bytes: `python3 dev.py fuzz [reading …]`.

libFuzzer (by atheris) starts from the inputs kept in `corpus/<reading>/` and writes what it finds new to
`var/fuzz/<reading>/`; `--keep` then merges the ones that reach new code into the corpus. A finding stops the run and
is left in `var/fuzz/` as `<reading>-crash-…`: put it into the corpus together with its fix.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
FOUND = HERE.parents[1] / "var" / "fuzz"
MAX_INPUT_BYTES = 4096


def main() -> int:
    """Run the readings one after another; the first finding is the exit status."""
    options, flags = _options()
    if options.inside:
        _fuzz(options.readings[0], options, flags)
        return 0  # atheris leaves the process by itself
    for reading in options.readings or sorted(path.name for path in CORPUS.iterdir()):
        print(f"● {reading}", flush=True)
        status = subprocess.run([*_again(reading, options)], check=False).returncode
        if status:
            print(f"✗ {reading}: look for {reading}-crash-* in var/fuzz/", flush=True)
            return status
        print(f"✓ {reading}", flush=True)
    return 0


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("readings", nargs="*", metavar="reading", help="default: all of them")
    parser.add_argument("--runs", type=int, default=0, help="inputs per reading; default: until --seconds")
    parser.add_argument("--seconds", type=int, default=60, help="per reading, when no --runs are given")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time; it is printed")
    parser.add_argument("--keep", action="store_true", help="merge inputs that reach new code into the corpus")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options, flags = parser.parse_known_args()
    if flags and not options.inside:
        parser.error(f"unknown: {flags[0]}")
    return options, flags


def _again(reading: str, options: argparse.Namespace) -> list[str]:
    """One process per reading: libFuzzer never returns."""
    flags = [f"--runs={options.runs}", f"--seconds={options.seconds}", f"--seed={options.seed}"]
    return [sys.executable, "-m", "tests.fuzzing", reading, "--inside", *flags, *(["--keep"] if options.keep else [])]


def _fuzz(reading: str, options: argparse.Namespace, more: list[str]) -> None:
    import atheris  # noqa: PLC0415 - only here: it has wheels for Linux alone

    with atheris.instrument_imports(include=["registry_proxy", "jit_access.domain"]):
        from tests.fuzzing.readings import READINGS  # noqa: PLC0415 - has to be instrumented while it is imported

    kept, found = CORPUS / reading, FOUND / reading
    kept.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    bound = [f"-runs={options.runs}"] if options.runs else [f"-max_total_time={options.seconds}"]
    flags = [*bound, f"-max_len={MAX_INPUT_BYTES}", f"-artifact_prefix={FOUND}/{reading}-", "-print_final_stats=1"]
    flags += [f"-seed={options.seed}"] if options.seed else []
    words = HERE / "words" / f"{reading}.txt"
    flags += [f"-dict={words}"] if words.exists() else []
    folders = ["-merge=1", str(kept), str(found)] if options.keep else [str(found), str(kept)]
    # For a merge libFuzzer runs its first word anew, by a shell, with flags of its own: `more`.
    again = f"{shlex.quote(sys.executable)} -m tests.fuzzing {reading} --inside"
    atheris.Setup([again, *more] if more else [again, *flags, *folders], READINGS[reading])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
