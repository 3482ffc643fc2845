/** What the queries take and give, as `jupyter_tracker.queries` declares it. */

/** A number as JSON carries it: the strings are "NaN", "Infinity" and "-Infinity". */
export type Value = number | string | null;

export type RunStatus = 'running' | 'finished' | 'failed' | 'interrupted' | 'lost';

export interface Status {
  version: string;
  root: string;
  why: string;
  exists: boolean;
}

/** Times are microseconds since 1970, UTC. */
export interface Experiment {
  experiment_id: string;
  name: string | null;
  note: string | null;
  runs: number;
  created: number;
  last_run: number | null;
}

export interface Run {
  run_id: string;
  name: string | null;
  status: RunStatus;
  experiment: string | null;
  experiment_id: string | null;
  start_time: number | null;
  end_time: number | null;
  duration: number | null;
  user: string | null;
  notebook: string | null;
  execution_count: number | null;
  attempt: number | null;
  git_commit: string | null;
  git_dirty: boolean | null;
  note: string | null;
  error_type: string | null;
  error: string | null;
  /** One per requested column. */
  values: Value[];
}

export interface RunPage {
  runs: Run[];
  next_page_token: string | null;
}

export interface MetricKey {
  key: string;
  direction: 'min' | 'max' | null;
  runs: number;
}

export interface Param {
  key: string;
  value: string | null;
}

export interface MetricSummary {
  key: string;
  count: number;
  last: Value;
  last_step: number;
  best: number | null;
}

export interface RunDetail {
  run: Run;
  params: Param[];
  metrics: MetricSummary[];
}

export interface Column {
  kind: 'metric' | 'param' | 'tag';
  key: string;
  aggregate?: 'last' | 'min' | 'max' | 'first' | 'best' | 'mean';
}

/** Each query by name: its parameters and its row. */
export interface Queries {
  'experiments.list': { params: Record<string, never>; row: Experiment };
  'metrics.keys': { params: { experiment_ids?: string[] }; row: MetricKey };
  'runs.page': {
    params: {
      filter?: string;
      order_by?: string[];
      experiment_ids?: string[];
      limit?: number;
      columns?: Column[];
    };
    row: RunPage;
  };
  'run.detail': { params: { run_id: string }; row: RunDetail };
}
