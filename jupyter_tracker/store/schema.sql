-- Schema of the derived store. Everything in it can be grown again from the journals and the catalog:
-- a change here raises VERSION in database.py and every store is rebuilt, never migrated.
-- No primary keys, unique constraints, foreign keys or indexes: replaying a write-ahead log over them has
-- made databases unopenable; uniqueness is kept by the one writer that holds the lock.
-- All times are UTC. Columns ending in _idx are internal numbers that differ from one rebuild to the next.

CREATE TABLE meta (schema_version INTEGER, root_id VARCHAR, scanned BOOLEAN, scanned_at TIMESTAMP);
CREATE TABLE catalog_head (n BIGINT);

CREATE TABLE experiment (
    experiment_id VARCHAR, name VARCHAR, note VARCHAR, tags VARCHAR, artifact_root VARCHAR,
    created TIMESTAMP, deleted BOOLEAN
);

-- tail is the checksum of the last line taken; seen are the event numbers taken, as JSON ranges [[from, to], ...].
CREATE TABLE journal (
    journal_idx INTEGER, run_idx INTEGER, writer VARCHAR, segment INTEGER, byte_offset BIGINT, tail VARCHAR,
    last_seq BIGINT, seen VARCHAR, last_time TIMESTAMP, host VARCHAR, boot_id VARCHAR, pid BIGINT, pid_start BIGINT,
    sealed BOOLEAN, alive BOOLEAN, errors BIGINT
);

CREATE TABLE run (
    run_idx INTEGER, run_id VARCHAR, experiment_id VARCHAR, name VARCHAR, parent_run_id VARCHAR,
    lineage VARCHAR, attempt INTEGER, source_type VARCHAR, "user" VARCHAR, host VARCHAR,
    start_time TIMESTAMP, end_time TIMESTAMP, duration DOUBLE, outcome VARCHAR, last_time TIMESTAMP,
    note VARCHAR, deleted BOOLEAN, notebook VARCHAR, cell_id VARCHAR, execution_count INTEGER,
    git_commit VARCHAR, git_branch VARCHAR, git_dirty BOOLEAN, python VARCHAR,
    error_type VARCHAR, error VARCHAR
);

CREATE TABLE param (
    run_idx INTEGER, key VARCHAR, value VARCHAR, number DOUBLE, type VARCHAR, origin VARCHAR,
    time TIMESTAMP, writer VARCHAR, seq BIGINT
);

CREATE TABLE tag (
    run_idx INTEGER, key VARCHAR, value VARCHAR, time TIMESTAMP, writer VARCHAR, seq BIGINT
);

CREATE TABLE metric_key (key_idx INTEGER, key VARCHAR, direction VARCHAR);

CREATE TABLE point (
    run_idx INTEGER, key_idx INTEGER, step BIGINT, time TIMESTAMP, value DOUBLE, exact VARCHAR,
    journal_idx INTEGER, seq BIGINT
);

-- first and last by (step, time, value); min, max and total over finite values only, ties of min and max go
-- to the smallest step. journal_idx is the only journal that fed the series, -1 when several did.
CREATE TABLE rollup (
    run_idx INTEGER, key_idx INTEGER, journal_idx INTEGER, count BIGINT,
    first DOUBLE, first_step BIGINT, first_time TIMESTAMP,
    last DOUBLE, last_step BIGINT, last_time TIMESTAMP,
    min DOUBLE, min_step BIGINT, max DOUBLE, max_step BIGINT, total DOUBLE, nonfinite BIGINT
);

CREATE TABLE artifact (
    run_idx INTEGER, path VARCHAR, size BIGINT, sha256 VARCHAR, mime VARCHAR, uri VARCHAR,
    time TIMESTAMP, writer VARCHAR, seq BIGINT
);

CREATE TABLE event (
    run_idx INTEGER, writer VARCHAR, seq BIGINT, time TIMESTAMP, kind VARCHAR, body VARCHAR
);

CREATE TABLE ingest_error (
    run_id VARCHAR, writer VARCHAR, segment INTEGER, byte_offset BIGINT, length BIGINT, reason VARCHAR
);

-- A run without an outcome is running while a journal of it is alive (as seen at this reading), then lost.
CREATE VIEW all_runs AS
SELECT r.run_id,
       coalesce(r.name, left(r.run_id, 8)) AS name,
       CASE WHEN r.outcome IS NOT NULL THEN r.outcome
            WHEN r.run_idx IN (SELECT j.run_idx FROM journal j WHERE j.alive) THEN 'running'
            ELSE 'lost' END AS status,
       coalesce(e.name, r.experiment_id) AS experiment,
       r.experiment_id, r.start_time, r.end_time, r.duration, r."user", r.host, r.notebook, r.cell_id,
       r.execution_count, r.attempt, r.lineage, r.parent_run_id, r.git_commit, r.git_branch, r.git_dirty,
       r.source_type, r.python, r.note, r.error_type, r.error,
       coalesce(r.deleted, false) OR coalesce(e.deleted, false) AS deleted,
       r.last_time, r.run_idx
FROM run r LEFT JOIN experiment e ON e.experiment_id = r.experiment_id;

CREATE VIEW runs AS SELECT * EXCLUDE (run_idx, last_time) FROM all_runs WHERE NOT deleted;

CREATE VIEW params AS
SELECT r.run_id, p.key, p.value, p.number, p.type, p.origin, p.time
FROM param p JOIN run r ON r.run_idx = p.run_idx;

CREATE VIEW tags AS
SELECT r.run_id, t.key, t.value
FROM tag t JOIN run r ON r.run_idx = t.run_idx
WHERE t.value IS NOT NULL;

CREATE VIEW metrics AS
SELECT r.run_id, k.key, p.step, p.time, p.value, p.exact
FROM point p JOIN run r ON r.run_idx = p.run_idx JOIN metric_key k ON k.key_idx = p.key_idx;

CREATE VIEW metric_summary AS
SELECT r.run_id, k.key, u.count, u.first, u.last, u.last_step, u.min, u.min_step, u.max, u.max_step,
       u.total / nullif(u.count - u.nonfinite, 0) AS mean,
       CASE k.direction WHEN 'min' THEN u.min WHEN 'max' THEN u.max END AS best,
       CASE k.direction WHEN 'min' THEN u.min_step WHEN 'max' THEN u.max_step END AS best_step,
       k.direction, u.nonfinite
FROM rollup u JOIN run r ON r.run_idx = u.run_idx JOIN metric_key k ON k.key_idx = u.key_idx;

CREATE VIEW artifacts AS
SELECT r.run_id, a.path, a.size, a.sha256, a.mime, a.uri, a.time
FROM artifact a JOIN run r ON r.run_idx = a.run_idx;

CREATE VIEW experiments AS
SELECT e.experiment_id, e.name, e.note, e.tags, e.created, e.deleted,
       coalesce(c.runs, 0) AS runs, c.last_run, e.artifact_root
FROM experiment e LEFT JOIN (
    SELECT experiment_id, count(*) FILTER (NOT coalesce(deleted, false)) AS runs,
           max(start_time) FILTER (NOT coalesce(deleted, false)) AS last_run
    FROM run GROUP BY experiment_id
) c ON c.experiment_id = e.experiment_id;

CREATE VIEW events AS
SELECT r.run_id, v.writer, v.seq, v.time, v.kind, v.body
FROM event v JOIN run r ON r.run_idx = v.run_idx;

-- Stretches that could not be read, and numbers that never came (they have no place, so their length is 0).
CREATE VIEW errors AS
SELECT run_id, writer, segment, byte_offset, length, reason FROM ingest_error
UNION ALL
SELECT r.run_id, h.writer, h.segment, NULL, 0, format('events {} to {} are missing', h.low, h.high)
FROM (
    SELECT run_idx, writer, segment, s[i][2] + 1 AS low, s[i + 1][1] - 1 AS high
    FROM (
        SELECT run_idx, writer, segment, s, unnest(range(1, len(s))) AS i
        FROM (SELECT run_idx, writer, segment, [[0, 0]] || CAST(seen AS BIGINT[][]) AS s FROM journal)
    )
) h JOIN run r ON r.run_idx = h.run_idx
WHERE h.low <= h.high;
