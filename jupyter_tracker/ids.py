"""New identities: run ids that sort by time, and readable run names."""

from __future__ import annotations

import re
import secrets
import time

from .errors import Invalid

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_FIRST = (
    "amber bold brave bright brisk calm clear clever coral crisp daring eager early fair fleet fresh gentle "
    "glad golden grand green happy hardy honest ivory jolly keen kind lively lucky mellow merry misty noble "
    "patient plucky polite proud quick quiet rapid rosy royal rustic sharp silent silver smart snowy solar "
    "steady stout sunny swift tidy vivid warm wise witty young zesty"
).split()
_SECOND = (
    "acorn alder aspen badger beaver birch bison brook cedar cliff clover comet crane creek dingo dune eagle "
    "elm falcon fern finch fjord fox gecko glade grove gull harbor hare hazel heron ibex island jay juniper "
    "kestrel lake lark lemur lotus lynx maple marten meadow moose newt oak orca osprey otter owl panda pine "
    "plover puffin quail raven reef ridge robin salmon seal sparrow stoat stork swan tern tiger trout tulip "
    "vale viper walrus willow wren yak zebra"
).split()


def new_run_id() -> str:
    """Return a UUIDv7 as 32 hex digits: its first 48 bits are the time in milliseconds."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    value = (
        (milliseconds & (2**48 - 1)) << 80
        | 0x7 << 76
        | (random >> 62) << 64
        | 0b10 << 62
        | random & (2**62 - 1)
    )
    return f"{value:032x}"


def check_run_id(run_id: object) -> str:
    """Return `run_id` if it has the form of one, else raise Invalid."""
    if not isinstance(run_id, str) or not _RUN_ID.fullmatch(run_id):
        raise Invalid(
            f"{str(run_id)[:60]!r} is no run id",
            hint="A run id is 32 hex digits; `jupyter tracker ls` lists them.",
        )
    return run_id


def new_name() -> str:
    """Return a readable name such as `brisk-otter-417`; unique enough to tell runs apart by eye."""
    return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{secrets.randbelow(900) + 100}"
