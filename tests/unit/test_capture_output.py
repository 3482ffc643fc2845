"""A copy of the output, and output that is not changed by it."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from jupyter_client.manager import start_new_kernel

from jupyter_tracker.capture.output import BATCH, Kept, Lines, Tee
from jupyter_tracker.capture.secrets import MASK


class Copy:
    """A sink that keeps the batches."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, str]] = []

    def __call__(self, stream: str, text: str) -> None:
        self.batches.append((stream, text))

    def text(self, stream: str = "stdout") -> str:
        return "".join(text for name, text in self.batches if name == stream)


@pytest.fixture
def copy() -> Copy:
    return Copy()


def wrapped(stream: Any) -> bool:
    """Whether a write of ours is in place; IPython leaves the stream's own write as an attribute behind."""
    return "_heard_write" in repr(vars(stream).get("write"))


def test_both_streams_are_copied_and_shown(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with Tee(copy):
        print("out")
        print("err", file=sys.stderr)
        sys.stdout.writelines(["a\n", "b"])
        assert (sys.stdout, sys.stderr) == before
    print("after")
    assert copy.text() == "out\na\nb"
    assert copy.text("stderr") == "err\n"
    assert capsys.readouterr() == ("out\na\nbafter\n", "err\n")
    assert not wrapped(sys.stdout)


def test_restored_and_handed_on_after_an_error(copy: Copy) -> None:
    with pytest.raises(KeyboardInterrupt), Tee(copy):
        print("so far")
        raise KeyboardInterrupt
    assert copy.text() == "so far\n"
    assert not wrapped(sys.stdout)


def test_many_writes_make_few_batches(copy: Copy) -> None:
    with Tee(copy):
        for n in range(10_000):
            print(n)
    assert copy.text() == "".join(f"{n}\n" for n in range(10_000))
    assert len(copy.batches) <= 3


def test_a_batch_is_handed_on_without_a_further_write() -> None:
    got = threading.Event()
    tee = Tee(lambda stream, text: got.set())
    tee.start()
    print("one line")
    assert got.wait(10)
    tee.stop()


def test_limit_keeps_head_and_tail_with_a_marker(copy: Copy) -> None:
    with Tee(copy, limit=1000):
        for n in range(1000):
            print(f"{n:09}")
    text = copy.text()
    assert text.startswith("000000000\n000000001\n")
    assert text.endswith("000000998\n000000999\n")
    assert "[… 9,000 characters left out …]" in text
    assert len(text) < 1100


def test_a_huge_line_does_not_grow_in_memory(copy: Copy) -> None:
    with Tee(copy, limit=1000):
        for _ in range(2000):
            sys.stdout.write("x" * 1000)
    assert len(copy.text()) < 1100
    assert "1,999,000 characters left out" in copy.text()


def test_progress_bars_are_kept_in_their_last_state(copy: Copy) -> None:
    with Tee(copy):
        sys.stderr.write("start\n")
        for n in range(101):
            sys.stderr.write(f"\r\x1b[32m{n:3}%\x1b[0m|{'#' * (n // 10)}")
        sys.stderr.write("\n")
        sys.stderr.write("done\r\n")
        sys.stderr.write("10%\r20%\r")
    assert copy.text("stderr") == "start\n\x1b[32m100%\x1b[0m|##########\ndone\n20%"


def test_a_bar_is_never_held_in_all_its_states() -> None:
    lines = Lines()
    for n in range(100_000):
        assert lines.feed(f"\r{n}") == ""
    assert len(lines._line) < 100
    assert lines.rest() == "99999"


PIECES = st.lists(st.text(alphabet="ab\r\n", max_size=6), max_size=20)


@given(PIECES)
def test_lines_do_not_depend_on_how_they_were_written(pieces: list[str]) -> None:
    def shown(parts: list[str]) -> str:
        lines = Lines()
        return "".join([lines.feed(part) for part in parts]) + lines.rest()

    assert shown(pieces) == shown(["".join(pieces)])
    if "\r" not in "".join(pieces):
        assert shown(pieces) == "".join(pieces)


@given(st.lists(st.text(max_size=10), max_size=20), st.integers(0, 30))
def test_kept_counts_every_character(pieces: list[str], limit: int) -> None:
    kept = Kept(limit)
    head = "".join([kept.add(piece) for piece in pieces])
    tail, whole = kept.tail(), "".join(pieces)
    if len(whole) <= limit:
        assert head + tail == whole
    else:
        assert kept.left_out == len(whole) - limit
        rest = tail.split("]\n", 1)[1]
        assert whole.startswith(head)
        assert whole.endswith(rest)
        assert len(head) + len(rest) == limit


def test_a_stream_of_the_users_own(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    class Shout:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def write(self, text: str) -> int:
            return int(self.stream.write(text.upper()))

        def flush(self) -> None:
            self.stream.flush()

    original = sys.stdout
    with Tee(copy):
        print("plain")
        sys.stdout = Shout(original)  # type: ignore[assignment]
        print("loud")
    assert isinstance(sys.stdout, Shout)
    sys.stdout = original
    assert copy.text() == "plain\nLOUD\n"
    assert capsys.readouterr().out == "plain\nLOUD\n"
    assert not wrapped(original)


def test_captured_output_is_left_to_its_capture(copy: Copy) -> None:
    with Tee(copy):
        with contextlib.redirect_stdout(io.StringIO()) as buffer:
            print("hidden")
        with capture_output() as captured:
            print("hidden too")
        print("shown")
    assert buffer.getvalue() == "hidden\n"
    assert captured.stdout == "hidden too\n"
    assert copy.text() == "shown\n"


def test_a_handler_made_before_is_heard(copy: Copy) -> None:
    logger = logging.getLogger("test-of-tee")
    handler = logging.StreamHandler(sys.stderr)
    logger.addHandler(handler)
    with Tee(copy):
        logger.warning("from an old handler")
    logger.removeHandler(handler)
    assert copy.text("stderr") == "from an old handler\n"


def test_a_write_wrapped_by_somebody_else_meanwhile_is_left_in_place(copy: Copy) -> None:
    stream = sys.stdout
    tee = Tee(copy)
    tee.start()
    ours = stream.write
    heard: list[str] = []
    stream.write = lambda text: (heard.append(text), ours(text))[1]  # type: ignore[method-assign]
    print("both")
    tee.stop()
    print("later")
    del stream.write
    assert copy.text() == "both\n"
    assert "later" in heard


def test_nested_tees(copy: Copy) -> None:
    inner = Copy()
    with Tee(copy):
        print("a")
        with Tee(inner):
            print("b")
        print("c")
    assert (copy.text(), inner.text()) == ("a\nb\nc\n", "b\n")
    assert not wrapped(sys.stdout)


def test_threads_lose_nothing(copy: Copy) -> None:
    def work(name: int) -> None:
        for n in range(500):
            sys.stdout.write(f"{name}:{n}\n")

    workers = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    with Tee(copy):
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    lines = copy.text().splitlines()
    assert sorted(lines) == sorted(f"{name}:{n}" for name in range(8) for n in range(500))


def test_a_sink_that_prints_or_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def sink(stream: str, text: str) -> None:
        print("x" * BATCH)
        raise OSError("disk full")

    with Tee(sink):
        for _ in range(3):
            print("y" * BATCH)
    assert capsys.readouterr().out.count("y" * BATCH) == 3


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
def test_interrupts_at_any_point_leave_no_lock_behind(copy: Copy) -> None:
    """Each print is whole or absent whenever an interrupt comes, and the next cell is copied in full."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        tee = Tee(copy)
        tee.start()
        for n in range(2000):
            try:
                signal.setitimer(
                    signal.ITIMER_REAL, 0.0001 + n % 50 * 0.00002
                )  # once: it ends this very loop
                while True:
                    sys.stdout.write("z" * 999 + "\n")
            except KeyboardInterrupt:
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        tee.stop()
    assert set(copy.text().partition("\n[…")[0].splitlines()[:-1]) == {"z" * 999}
    after = Copy()
    with Tee(after):
        print("next cell")
    assert after.text() == "next cell\n"
    assert not wrapped(sys.stdout)


def test_secrets_are_masked(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    with Tee(copy):
        print("password = 'hunter2'")
    assert copy.text() == f"password = '{MASK}'\n"
    assert "hunter2" in capsys.readouterr().out


def test_wrong_use_of_write_raises_as_ever(copy: Copy) -> None:
    with Tee(copy), pytest.raises(TypeError):
        sys.stdout.write(b"bytes")  # type: ignore[call-overload]


def test_without_streams(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", object())
    with Tee(copy):
        pass
    assert copy.batches == []


SCRIPT = """
import os, sys
from jupyter_tracker.capture.output import Tee
got = []
with Tee(lambda stream, text: got.append(text)):
    print("parent")
    sys.stdout.flush()
    if os.fork() == 0:
        print("child")
        sys.stdout.flush()
        os._exit(0)
    os.wait()
    print("end")
print(got)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_in_a_script_with_a_forked_child() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "parent\nchild\nend\n['parent\\nend\\n']\n"
    assert done.stderr == ""


def test_in_an_ipython_shell(copy: Copy) -> None:
    shell = InteractiveShell.instance()
    try:
        with Tee(copy):
            shell.run_cell("print('from a cell')\n1 / 0")
            shell.run_cell("%%capture kept\nprint('captured')")
            shell.run_cell("import subprocess; print(kept.stdout == 'captured\\n')")
    finally:
        InteractiveShell.clear_instance()
    assert "from a cell" in copy.text()
    assert "ZeroDivisionError" in copy.text()
    assert "captured\n" not in copy.text()
    assert "True" in copy.text()


KERNEL = """
import logging, os, sys, threading
from jupyter_tracker.capture.output import Tee
got = []
handler = logging.StreamHandler()
tee = Tee(lambda stream, text: got.append((stream, text)))
tee.start()
print("printed")
thread = threading.Thread(target=print, args=("from a thread",))
thread.start(); thread.join()
logging.getLogger("x").addHandler(handler); logging.getLogger("x").warning("logged")
tee.stop()
print(got)
"""


def test_in_a_real_kernel(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "IPYTHONDIR": str(tmp_path)}
    manager, client = start_new_kernel(env=env, cwd=str(tmp_path))
    shown: dict[str, str] = {}

    def hook(message: Any) -> None:
        assert message["msg_type"] != "error", message["content"]
        if message["msg_type"] == "stream":
            name = message["content"]["name"]
            shown[name] = shown.get(name, "") + message["content"]["text"]

    try:
        client.execute_interactive(KERNEL, timeout=60, output_hook=hook)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    copied = [("stdout", "printed\nfrom a thread\n"), ("stderr", "logged\n")]
    assert shown == {"stdout": f"printed\nfrom a thread\n{copied}\n", "stderr": "logged\n"}
