"""The commands for people at a terminal. Helpers that other programs start are in a table of their own."""

from __future__ import annotations

import argparse

from jit_access.cli.arguments import Command, Group
from jit_access.cli.resources import OPERATIONS

Parser = argparse.ArgumentParser
_RESOURCE = "target/repository[:tag], docker://host/target/repository:tag, or the link of a refusal"
_GRANT = "id of a grant or its beginning, or the resource it is for"
_REQUEST = "id of a request, or its beginning"
_STATES = ("pending", "approved", "denied", "withdrawn", "expired", "invalidated")
_FOR = "how long: 2h, 90m, 1h30m, 1d"


def _count(text: str) -> int:
    """At least one, and not more than anybody reads."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:6]) <= 10_000:
        raise argparse.ArgumentTypeError("a number from 1 to 10000")
    return int(text[:6])


def _login(parser: Parser) -> None:
    parser.add_argument(
        "address", nargs="?", default="", metavar="ADDRESS", help="https://jit.example.com; kept for later"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--device", action="store_true", help="show a code to type on another machine")
    how.add_argument("--token-stdin", action="store_true", help="read an API token from stdin")
    how.add_argument(
        "--workload",
        metavar="WHERE",
        default="",
        help="as a job: github, gitlab[:VARIABLE], kubernetes[:PATH], file:PATH",
    )
    parser.add_argument("--agent", metavar="NAME", default="", help="with --workload: which one, where it is several")
    parser.add_argument("--audience", metavar="TEXT", default="", help="of the job's token; default: the address")
    parser.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    parser.add_argument("--keyring", action="store_true", help="keep the token in the system's keyring, not in a file")


def _search(parser: Parser) -> None:
    parser.add_argument("words", nargs="*", metavar="WORD", help="of a target, a repository or a description")
    parser.add_argument("--all", action="store_true", help="everything, not only the first 25")


def _asked(parser: Parser, *, is_reason_needed: bool = True) -> None:
    parser.add_argument("--for", dest="lasts", metavar="TIME", required=is_reason_needed, default="", help=_FOR)
    parser.add_argument("--reason", metavar="TEXT", required=is_reason_needed, default="", help="what you need it for")
    parser.add_argument(
        "--op",
        action="append",
        choices=OPERATIONS,
        default=[],
        help="what you want to do; may be repeated; default: pull",
    )
    parser.add_argument("--ticket", metavar="NAME", default="", help="the ticket it is for; access ends with it")


def _request(parser: Parser) -> None:
    parser.add_argument("resource", metavar="RESOURCE", help=_RESOURCE)
    _asked(parser)
    parser.add_argument("--wait", action="store_true", help="wait for the answer and show how it comes")
    parser.add_argument("--dry-run", action="store_true", help="show who decides; send nothing")


def _run(parser: Parser) -> None:
    parser.add_argument("resource", metavar="RESOURCE", help=_RESOURCE)
    _asked(parser, is_reason_needed=False)
    parser.add_argument("--keep", action="store_true", help="do not end the grant afterwards")
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND …",
        help="{image} in it becomes host/target/repository:tag",
    )


def _env(parser: Parser) -> None:
    parser.add_argument("resource", metavar="RESOURCE", help=_RESOURCE)
    parser.add_argument("--fish", action="store_true", help="for fish; else for sh, bash and zsh")


def _requests(parser: Parser) -> None:
    parser.add_argument("id", nargs="?", default="", metavar="ID", help=f"{_REQUEST}; without it, a list")
    parser.add_argument("--state", choices=_STATES, default="", help="only those")
    parser.add_argument("--wait", action="store_true", help="with ID: wait for the answer and show how it comes")
    parser.add_argument("--last", type=_count, default=20, metavar="N", help="so many of the newest; default: 20")
    parser.add_argument("--visible", action="store_true", help="everything that you may see, not only your own")


def _grants(parser: Parser) -> None:
    parser.add_argument("id", nargs="?", default="", metavar="GRANT", help=f"{_GRANT}; without it, a list")
    parser.add_argument("--all", action="store_true", help="those that are over, too")
    parser.add_argument("--visible", action="store_true", help="everything that you may see, not only your own")


def _review(parser: Parser) -> None:
    parser.add_argument("id", nargs="?", default="", metavar="ID", help=f"{_REQUEST}; without it, what waits for you")
    verdict = parser.add_mutually_exclusive_group()
    verdict.add_argument("--approve", action="store_true", help="agree to exactly what is shown")
    verdict.add_argument("--deny", action="store_true", help="refuse it; one denial is enough")
    parser.add_argument("--note", metavar="TEXT", default="", help="what the requester reads")
    parser.add_argument(
        "--for", dest="lasts", metavar="TIME", default="", help="with --approve: a shorter time than was asked"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask again before it is sent")


def _grant(parser: Parser) -> None:
    parser.add_argument("grant", metavar="GRANT", help=_GRANT)


def _end(parser: Parser) -> None:
    parser.add_argument("grant", nargs="?", default="", metavar="GRANT", help=_GRANT)
    parser.add_argument("--all", action="store_true", help="everything that you hold")


def _extend(parser: Parser) -> None:
    _grant(parser)
    parser.add_argument("--for", dest="lasts", metavar="TIME", required=True, help="how much longer: 30m, 1h")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why it takes longer")
    parser.add_argument("--wait", action="store_true", help="wait for the answer")


def _withdraw(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help=_REQUEST)


def _why(parser: Parser) -> None:
    parser.add_argument("resource", metavar="RESOURCE", help=_RESOURCE)
    parser.add_argument("--op", choices=OPERATIONS, default="pull", help="what you wonder about; default: pull")
    parser.add_argument("--for", dest="lasts", metavar="TIME", default="1h", help=_FOR)
    parser.add_argument("--person", metavar="NAME", default="", help="for security and auditors: somebody else")


def _completion(parser: Parser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


_LLAMA = "prod/llm/llama-70b"
CORE: tuple[Group, ...] = (
    Group(
        "Get access",
        (
            Command("search", "find what there is, and who would decide", "commands.looking:search", _search,
                    ("jit search llama", "jit search prod/llm --json")),
            Command("request", "ask for access", "commands.asking:request", _request,
                    (f'jit request {_LLAMA}:v1 --for 2h --reason "Evaluate it" --wait',
                     f'jit request {_LLAMA} --op pull --op push --for 90m --reason "Publish v2" --ticket ML-7')),
            Command("run", "run a command with access, which ends with it", "commands.running:run", _run,
                    (f'jit run --for 2h --reason "Evaluate it" {_LLAMA}:v1 -- skopeo copy docker://{{image}} dir:llama',
                     f"jit run {_LLAMA}:v1 -- make pull      # with a grant that is open")),
            Command("env", "print the environment for a grant that is open", "commands.environment:env", _env,
                    (f'eval "$(jit env {_LLAMA}:v1)"',)),
            Command("why", "why policy says yes or no, and who could approve", "commands.looking:why", _why,
                    (f"jit why {_LLAMA} --op push",)),
        ),
    ),
    Group(
        "What you hold",
        (
            Command("grants", "what is open, and how long still", "commands.holding:grants", _grants),
            Command("requests", "what you asked, and what became of it", "commands.asked:requests", _requests),
            Command("start", "start a grant that was approved", "commands.holding:start", _grant),
            Command("extend", "ask for more time", "commands.asking:extend", _extend,
                    ('jit extend grt_71cd --for 1h --reason "The copy is slow"',)),
            Command("end", "give access back now", "commands.holding:end", _end, ("jit end grt_71cd", "jit end --all")),
            Command("withdraw", "take a request back", "commands.asked:withdraw", _withdraw),
        ),
    ),
    Group(
        "Decide",
        (
            Command("review", "what waits for your answer; approve or deny", "commands.reviewing:review", _review,
                    ("jit review", 'jit review req_71cd --approve --note "Go on"',
                     "jit review req_71cd --approve --for 30m", 'jit review req_71cd --deny --note "Use int8"')),
        ),
    ),
    Group(
        "This machine",
        (
            Command("login", "sign in with the browser", "commands.signing:login", _login,
                    ("jit login https://jit.example.com", "jit login --token-stdin < token.txt")),
            Command("logout", "end the sign-in, here and at the gateway", "commands.signing:logout"),
            Command("status", "who you are here, and what is open", "commands.signing:status"),
            Command("completion", "print a script that completes `jit`", "commands.completing:completion", _completion,
                    ("jit completion bash > ~/.local/share/bash-completion/completions/jit",)),
        ),
    ),
)  # fmt: skip
