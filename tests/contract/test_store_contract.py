"""What a reader may rely on."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import duckdb
import pytest
from handmade import EPOCH, RUN, WRITER, Hand, grows_back, line, metrics

from jupyter_tracker import events
from jupyter_tracker.catalog import Catalog
from jupyter_tracker.errors import StoreBusy
from jupyter_tracker.journal import Journal
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store
from jupyter_tracker.store.lock import Lock, holder
from jupyter_tracker.store.place import Place, network, place


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.create(tmp_path)


@pytest.fixture
def store(root: Root) -> Store:
    return Store(root)


def rows(store: Store, sql: str) -> list[tuple[object, ...]]:
    with store.reading() as con:
        return con.execute(sql).fetchall()


def in_child(root: Root, code: str) -> subprocess.Popen[str]:
    """Run code with `root` and `journal` bound in a process of its own; its stdin and stdout are pipes."""
    head = f"""
        import os, sys, time
        from jupyter_tracker.roots import Root
        from jupyter_tracker.store import Store
        from jupyter_tracker.journal import Journal
        root = Root.open({str(root.path)!r})
        RUN = {RUN!r}
    """
    script = textwrap.dedent(head) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=os.getcwd(),
    )


class TestReadYourWrites:
    def test_what_was_accepted_before_is_seen(self, root: Root, store: Store) -> None:
        journal = Journal(root, RUN)
        journal.append("start", {"experiment_id": "e", "name": "first"})
        for step in range(5):
            journal.append_metrics(step, {events.key("loss"): events.number(1 / (step + 1))})
            assert rows(store, "SELECT max(step) FROM metrics") == [(step,)]
        journal.close()
        grows_back(store)

    def test_the_catalog_is_seen(self, root: Root, store: Store) -> None:
        catalog = Catalog(root)
        made = catalog.create_experiment("vision", {"team": "a"}, "a note")
        assert rows(store, "SELECT name, note, tags, deleted FROM experiments") == [
            ("vision", "a note", '{"team": "a"}', False)
        ]
        catalog.rename_experiment("vision", "sound")
        catalog.tag_experiment("sound", "team", None)
        catalog.tag_experiment("sound", "x", "y")
        catalog.delete_experiment("sound")
        assert rows(store, "SELECT name, tags, deleted FROM experiments") == [("sound", '{"x": "y"}', True)]
        catalog.restore_experiment(made.experiment_id)
        assert rows(store, "SELECT deleted FROM experiments") == [(False,)]
        grows_back(store)
        catalog.delete_experiment("sound")
        catalog.purge_experiment(made.experiment_id)
        assert rows(store, "FROM experiments") == []

    def test_a_damaged_commit_is_told_and_taken_once_it_is_mended(self, root: Root, store: Store) -> None:
        catalog = Catalog(root)
        catalog.create_experiment("one")
        catalog.create_experiment("two")
        catalog.create_experiment("three")
        file = root.catalog / "00000002.json"
        sound = file.read_bytes()
        file.write_bytes(sound.replace(b"two", b"owt"))
        for _ in range(2):
            assert rows(store, "SELECT name FROM experiments") == [("one",)]
            assert len(rows(store, "SELECT * FROM errors WHERE run_id = 'catalog'")) == 1
        file.write_bytes(sound)
        assert rows(store, "SELECT name FROM experiments ORDER BY created") == [
            ("one",),
            ("two",),
            ("three",),
        ]
        assert rows(store, "FROM errors") == []

    def test_nested_readings_of_a_thread_share_the_connection(self, store: Store) -> None:
        with store.reading() as outer, store.reading() as inner:
            assert inner is outer
        with store.reading() as later:
            assert later is not outer


class TestExactlyOnce:
    def test_taking_in_twice_changes_nothing(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        hand.start()
        hand.metrics(0, loss=1.0)
        assert (store.ingest().events, store.ingest().events, store.ingest().events) == (3, 0, 0)

    def test_a_line_without_its_end_is_not_there_yet(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        hand.start()
        whole = metrics(3, 0, loss=1.0)
        for cut in range(1, len(whole)):
            hand.raw(whole[cut - 1 : cut])
            if cut % 20 == 0:
                assert rows(store, "FROM metrics") == []
        hand.raw(whole[-1:])
        assert rows(store, "SELECT step, value FROM metrics") == [(0, 1.0)]
        assert rows(store, "FROM errors") == []

    def test_every_length_of_a_journal_gives_its_whole_lines(self, root: Root, store: Store) -> None:
        sizes: dict[str, int] = {}
        for size in range(1, 2000):
            hand = Hand(root, run_id := f"0197{size:028x}")
            content = hand.path.read_bytes() + b"".join(metrics(n, n, m=n) for n in range(2, 6))
            if size > len(content):
                break
            hand.path.write_bytes(content[:size])
            sizes[run_id] = content[:size].count(b"\n")
        assert len(sizes) > 500
        found = dict(
            rows(
                store,
                "SELECT run_id, count(m.step) FROM runs LEFT JOIN metrics m USING (run_id) GROUP BY ALL",
            )
        )
        assert {run_id: found.get(run_id, 0) for run_id in sizes} == {
            r: max(0, n - 1) for r, n in sizes.items()
        }
        for run_id in sizes:  # and what was cut off arrives
            file = root.runs / run_id / WRITER / "000001.ndjson"
            whole = line(1, "header", EPOCH + 1000, format=1, run=run_id, writer=WRITER, segment=1, host="elsewhere",
                         boot_id="b", pid=7, pid_start=9)  # fmt: skip
            file.write_bytes(whole + b"".join(metrics(n, n, m=n) for n in range(2, 6)))
        assert rows(store, "SELECT count(*), count(DISTINCT run_id) FROM metrics") == [
            (4 * len(sizes), len(sizes))
        ]
        assert rows(store, "FROM errors") == []

    def test_segments_follow_each_other(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        for step in range(6):
            hand.metrics(step, m=step)
            if step % 2:
                hand.rotate()
            if step == 2:
                store.ingest()
        assert rows(store, "SELECT count(*), max(step) FROM metrics") == [(6, 5)]
        grows_back(store)

    def test_a_line_longer_than_a_chunk(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        hand.start()
        hand.add("note", text="x" * 5_000_000)
        hand.metrics(1, m=1)
        assert rows(store, "SELECT length(note) FROM runs") == [(5_000_000,)]
        assert rows(store, "SELECT step FROM metrics") == [(1,)]


class TestDamage:
    def test_a_bad_line_is_told_with_its_place(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        hand.start()
        at = hand.path.stat().st_size
        hand.raw(b"garbage\n")
        hand.metrics(0, m=1)
        assert rows(store, "SELECT writer, segment, byte_offset, length, reason FROM errors") == [
            (WRITER, 1, at, 8, "checksum does not match")
        ]
        assert rows(store, "SELECT value FROM metrics") == [(1.0,)]
        grows_back(store)

    def test_poison_among_ten_thousand(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        lines = [metrics(n, n, m=n) for n in range(2, 10_002)]
        lines[4_999] = line(5_001, "metrics", step=2**63, values={"m": 1})
        hand.raw(b"".join(lines))
        report = store.ingest()
        assert (report.points, report.errors) == (9_999, 1)

    def test_missing_events_are_told(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        hand.seq += 3
        hand.metrics(0, m=1)
        assert rows(store, "SELECT length, reason FROM errors") == [(0, "events 2 to 4 are missing")]

    def test_a_journal_that_shrank_and_grew_again(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        for step in range(10):
            hand.metrics(step, m=step)
        store.ingest()
        os.truncate(hand.path, hand.path.read_bytes().index(b'{"seq":5,'))
        for step in range(10, 20):
            hand.metrics(step, m=step)
        assert rows(store, "SELECT count(*) FROM metrics") == [(20,)]
        ((reason,),) = rows(store, "SELECT reason FROM errors")
        assert "replaced" in str(reason)

    def test_a_journal_that_shrank_below_its_cursor_is_noticed_once(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        for step in range(10):
            hand.metrics(step, m=step)
        store.ingest()
        size = hand.path.stat().st_size
        os.truncate(hand.path, hand.path.read_bytes().index(b'{"seq":5,'))
        for _ in range(3):
            assert rows(store, "SELECT count(*) FROM metrics") == [(10,)]
            ((reason,),) = rows(store, "SELECT reason FROM errors")
            assert f"shrank from {size}" in str(reason)
        hand.metrics(10, m=10)
        assert rows(store, "SELECT count(*) FROM metrics") == [(11,)]

    def test_a_journal_replaced_by_another_is_noticed(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        hand.metrics(0, m=0)
        store.ingest()
        size = hand.path.stat().st_size
        other = line(1, "header", EPOCH + 7, run=RUN, writer=WRITER) + metrics(2, 0, m=5) + metrics(3, 1, m=6)
        hand.path.write_bytes(other + b" " * max(0, size - len(other)))
        assert rows(store, "SELECT step FROM metrics ORDER BY step") == [(0,), (1,)]
        ((reason,),) = rows(store, "SELECT reason FROM errors")
        assert "replaced" in str(reason)

    def test_a_journal_that_is_gone(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        hand.start()
        hand.metrics(0, m=0)
        store.ingest()
        hand.path.unlink()
        hand.directory.rmdir()
        for _ in range(2):
            assert rows(store, "SELECT count(*) FROM metrics") == [(1,)]
        assert [r for (r,) in rows(store, "SELECT reason FROM errors")] == ["the journal is gone"]


class TestStatus:
    def test_running_then_finished(self, root: Root, store: Store) -> None:
        child = in_child(root, """
            journal = Journal(root, RUN)
            journal.append("start", {"experiment_id": "e", "name": "n"})
            print("started", flush=True); input()
            journal.append("end", {"outcome": "finished", "duration": 2.5, "error": None}); journal.close()
        """)  # fmt: skip
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
        assert rows(store, "SELECT status, end_time FROM runs") == [("running", None)]
        child.communicate("\n")
        assert rows(store, "SELECT status, duration FROM runs") == [("finished", 2.5)]
        assert list(root.active.iterdir()) == []
        grows_back(store)

    def test_killed_is_lost_at_once(self, root: Root, store: Store) -> None:
        child = in_child(root, """
            journal = Journal(root, RUN)
            journal.append("start", {"experiment_id": "e", "name": "n"})
            print("started", flush=True); input()
        """)  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        assert rows(store, "SELECT status FROM runs") == [("running",)]
        child.kill()
        child.communicate()
        assert rows(store, "SELECT status FROM runs") == [("lost",)]
        assert list(root.active.iterdir()) == []
        grows_back(store)

    def test_the_torn_line_of_a_dead_writer_is_told(self, root: Root, store: Store) -> None:
        child = in_child(
            root, 'Journal(root, RUN).append("start", {"experiment_id": "e"}); os.kill(os.getpid(), 9)'
        )
        child.communicate()
        (file,) = root.runs.glob("*/*/000001.ndjson")
        with file.open("ab") as journal:
            journal.write(b'{"seq":3,"ti')
        assert rows(store, "SELECT length, reason FROM errors") == [(12, "the last line was never finished")]
        assert list(root.active.iterdir()) == []
        grows_back(store)

    def test_another_host_is_alive_while_it_is_heard(self, root: Root, store: Store) -> None:
        silent = Hand(root)
        silent.start()
        old = time.time() - 60
        os.utime(silent.path, (old, old))
        heard = Hand(root, "0197" + "f" * 28, clock=time.time_ns() // 1000)
        heard.start()
        assert sorted(rows(store, "SELECT run_id, status FROM runs")) == [
            (RUN, "lost"),
            ("0197" + "f" * 28, "running"),
        ]
        assert silent.marker.exists() and heard.marker.exists()
        silent.add("heartbeat", time.time_ns() // 1000)
        assert rows(store, f"SELECT status FROM runs WHERE run_id = '{RUN}'") == [("running",)]

    def test_a_resumed_run_is_open_again(self, root: Root, store: Store) -> None:
        first = Hand(root)
        first.start(name="one")
        first.add(
            "end", outcome="failed", duration=1.0, error={"type": "E", "message": "m", "traceback": "t"}
        )
        first.add("seal")
        second = Hand(root, RUN, "cd" * 8, clock=EPOCH + 10_000_000)
        second.start(name="other", experiment_id="f" * 32, resumed=True)
        assert rows(store, "SELECT name, status, error_type, experiment_id FROM runs") == [
            ("one", "running", None, "e" * 32)
        ]
        second.add("end", outcome="finished", duration=3.0, error=None)
        assert rows(store, "SELECT status, duration FROM runs") == [("finished", 3.0)]
        grows_back(store)

    def test_deleted_runs_and_runs_of_deleted_experiments_are_hidden(self, root: Root, store: Store) -> None:
        made = Catalog(root).create_experiment("x")
        one, two = Hand(root), Hand(root, "0197" + "a" * 28)
        one.start(experiment_id=made.experiment_id)
        two.start()
        two.add("lifecycle", deleted=True)
        assert rows(store, "SELECT run_id FROM runs") == [(RUN,)]
        Catalog(root).delete_experiment("x")
        assert rows(store, "SELECT count(*), count(*) FILTER (deleted) FROM all_runs") == [(2, 2)]
        two.add("lifecycle", deleted=False)
        assert rows(store, "SELECT run_id FROM runs") == [("0197" + "a" * 28,)]


class TestMarkers:
    def test_only_marked_journals_are_looked_at(self, root: Root, store: Store) -> None:
        store.ingest()
        hand = Hand(root)
        hand.start()
        hand.marker.unlink()
        assert store.ingest().events == 0
        hand.marker.touch()
        assert store.ingest().events == 2

    def test_a_sealed_journal_that_goes_on(self, root: Root, store: Store) -> None:
        journal = Journal(root, RUN)
        for step in range(3):
            journal.append_metrics(step, {events.key("m"): "1"})
            journal.close()
            store.ingest()
            assert list(root.active.iterdir()) == []
        assert rows(store, "SELECT count(*) FROM metrics") == [(3,)]
        assert rows(store, "FROM errors") == []

    def test_a_rewritten_segment_is_taken_once(self, root: Root, store: Store) -> None:
        """A writer whose file was removed writes its lines again, in the next segment."""
        journal = Journal(root, RUN)
        for step in range(4):
            journal.append_metrics(step, {events.key("m"): str(step)})
        store.ingest()
        (file,) = root.runs.glob("*/*/000001.ndjson")
        file.unlink()
        for step in range(4, 6):
            journal.append_metrics(step, {events.key("m"): str(step)})
        journal.tick()
        journal.append_metrics(6, {events.key("m"): "6"})
        journal.close()
        assert rows(store, "SELECT list(step ORDER BY step) FROM metrics") == [([0, 1, 2, 3, 4, 5, 6],)]
        assert rows(store, "FROM errors") == []
        grows_back(store)


class TestLock:
    def test_a_loser_leaves_at_once(self, root: Root, store: Store) -> None:
        with store.reading():
            began = time.perf_counter()
            seen: list[bool] = []
            thread = threading.Thread(target=lambda: seen.append(store.ingest().elected))
            thread.start()
            thread.join()
            assert seen == [False]
            assert time.perf_counter() - began < 1

    def test_busy_names_the_holder(self, root: Root, store: Store) -> None:
        child = in_child(root, """
            with Store(root).reading():
                print("in", flush=True); input()
        """)  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(StoreBusy, match=f"process {child.pid} .python"), store.reading(timeout=0.2):
            pass
        child.kill()
        child.communicate()
        began = time.perf_counter()
        store.ingest(wait=True)
        assert time.perf_counter() - began < 1
        assert holder(store.place.lock).pid == 0

    def test_a_program_that_knows_nothing_of_the_lock(self, root: Root, store: Store) -> None:
        store.ingest()
        child = in_child(root, """
            import duckdb
            con = duckdb.connect(str(root.database)); print("in", flush=True); input()
        """)  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(StoreBusy, match=f"process {child.pid}"), store.reading(timeout=0.5):
            pass
        child.communicate("\n")
        assert store.ingest(wait=True).trouble == ""
        assert not list(root.dir.glob("*.corrupt-*"))

    def test_a_forked_child_does_not_keep_the_lock(self, root: Root, store: Store) -> None:
        lock = Lock(store.place.lock)
        lock.acquire(1)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
        os.close(read)
        lock.release()
        assert Lock(store.place.lock).try_acquire()
        os.close(write)
        os.waitpid(pid, 0)

    def test_one_store_through_two_paths(self, root: Root, store: Store, tmp_path: Path) -> None:
        link = tmp_path.parent / f"{tmp_path.name}-link"
        link.symlink_to(tmp_path)
        other = Store(Root.open(link))
        done: list[int] = []

        def work(each: Store) -> None:
            for _ in range(5):
                with each.reading() as con:
                    done.append(len(con.execute("FROM runs").fetchall()))

        threads = [threading.Thread(target=work, args=(each,)) for each in (store, other) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 20


class TestDatabase:
    def test_the_file_has_the_pinned_storage_version(self, store: Store) -> None:
        store.ingest()
        with store.reading() as con:
            (tags,) = con.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal").fetchone() or (
                {},
            )
        assert str(tags["storage_version"]).startswith("v1.2.0")

    def test_another_schema_version_is_grown_again(self, root: Root, store: Store) -> None:
        hand = Hand(root)
        hand.start()
        store.ingest()
        with duckdb.connect(str(root.database)) as con:
            con.execute("UPDATE meta SET schema_version = 999")
        assert rows(store, "SELECT name FROM runs") == [("by-hand",)]

    def test_a_database_of_another_root_is_not_used(self, root: Root, store: Store, tmp_path: Path) -> None:
        other = Root.create(tmp_path / "other")
        Hand(other).start(name="foreign")
        Store(other).ingest()
        other.database.rename(root.database)
        assert rows(store, "FROM runs") == []
        assert list(root.dir.glob("tracker.duckdb.corrupt-*"))

    def test_hosts_with_databases_of_their_own_all_see_everything(self, root: Root, tmp_path: Path) -> None:
        """As on a network file system: the markers are shared, so no host may take them from the others."""
        hosts = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            hosts.append(
                Store(root, Place(tmp_path / name / "t.duckdb", tmp_path / name / "t.lock", shared=True))
            )
        for number in range(3):
            hand = Hand(root, f"0197{number:028x}")
            hand.start()
            hand.add("seal")
            for store in hosts:
                assert rows(store, "SELECT count(*) FROM runs") == [(number + 1,)]
        assert len(list(root.active.iterdir())) == 3
        week_ago = time.time() - 8 * 86_400
        for marker in root.active.iterdir():
            os.utime(marker, (week_ago, week_ago))
        assert rows(hosts[0], "SELECT count(*) FROM runs") == [(3,)]
        assert list(root.active.iterdir()) == []

    def test_where_the_database_lives(self, root: Root) -> None:
        assert place(root) == Place(root.database, root.lock_file, shared=False)
        assert not network(root.dir)

    def test_no_journal_is_lost_when_rebuilding_is_stopped(self, root: Root, store: Store) -> None:
        for number in range(5):
            Hand(root, f"0197{number:028x}").start()
        store.ingest()

        def stop(done: int, total: int) -> None:
            if done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.rebuild(progress=stop)
        assert rows(store, "SELECT count(*) FROM runs") == [(5,)]
