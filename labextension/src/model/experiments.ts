import type { Experiment, MetricKey, Run, RunDetail, Status } from './api';
import { asTrackerError, isAbort, type TrackerClient, type TrackerError } from './client';

/** How many runs an experiment shows at first, and how many more each time. */
export const PAGE = 10;
const FOUND = 50;
const SYSTEM = 'system/';

/** The newest runs of an experiment; `metric` is the one their `values` hold. */
export interface Branch {
  runs: readonly Run[];
  metric: MetricKey | null;
  more: boolean;
}

export interface State {
  phase: 'loading' | 'empty' | 'ready' | 'failed';
  status: Status | null;
  experiments: readonly Experiment[];
  /** What is shown open, by experiment id; null until its runs arrive. */
  open: ReadonlyMap<string, Branch | null>;
  /** Runs shown with their details, by run id; null until they arrive. */
  details: ReadonlyMap<string, RunDetail | null>;
  search: string;
  /** The last failure. What was known before it stays shown. */
  error: TrackerError | null;
}

const START: State = {
  phase: 'loading',
  status: null,
  experiments: [],
  open: new Map(),
  details: new Map(),
  search: '',
  error: null
};

/** The experiments and their newest runs, kept fresh. One of it may serve several components. */
export class Experiments {
  private state = START;
  private readonly listeners = new Set<() => void>();
  private readonly limits = new Map<string, number>();
  private started = false;
  private loading: Promise<void> | null = null;
  private again = false;

  constructor(
    private readonly client: TrackerClient,
    private readonly signal: AbortSignal
  ) {}

  readonly get = (): State => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Ask for everything that is shown. Calls during a refresh make one more after it. */
  refresh(): Promise<void> {
    if (this.loading) {
      this.again = true;
      return this.loading;
    }
    this.loading = this.load().finally(() => {
      this.loading = null;
      return this.again ? this.refreshAgain() : undefined;
    });
    return this.loading;
  }

  private refreshAgain(): Promise<void> {
    this.again = false;
    return this.refresh();
  }

  /** Open or close an experiment. */
  toggle(experiment: string): Promise<void> {
    const open = new Map(this.state.open);
    if (open.delete(experiment)) {
      this.limits.delete(experiment);
      this.set({ open });
      return Promise.resolve();
    }
    this.set({ open: open.set(experiment, null) });
    return this.refresh();
  }

  /** Show or hide what a run recorded. */
  toggleRun(run: string): Promise<void> {
    const details = new Map(this.state.details);
    if (details.delete(run)) {
      this.set({ details });
      return Promise.resolve();
    }
    this.set({ details: details.set(run, null) });
    return this.refresh();
  }

  /** Show more runs of an experiment. */
  more(experiment: string): Promise<void> {
    this.limits.set(experiment, this.limit(experiment) + PAGE);
    return this.refresh();
  }

  /** Show only experiments and runs whose name contains `text`; everything again for "". */
  find(text: string): Promise<void> {
    this.set({ search: text });
    return this.refresh();
  }

  private async load(): Promise<void> {
    try {
      await this.loadOnce();
    } catch (error) {
      if (isAbort(error) || this.signal.aborted) {
        return;
      }
      const phase = this.state.phase === 'loading' ? 'failed' : this.state.phase;
      this.set({ phase, error: asTrackerError(error) });
    }
  }

  private async loadOnce(): Promise<void> {
    const status = await this.client.status(this.signal);
    if (!status.exists) {
      this.set({ ...START, phase: 'empty', status, search: this.state.search });
      return;
    }
    const experiments = await this.client.query('experiments.list', {}, this.signal);
    const search = this.state.search.trim();
    const branches = search ? await this.found(search, experiments) : await this.branches(experiments);
    const details = await this.detailed();
    if (search !== this.state.search.trim()) {
      return;
    }
    this.set({
      phase: experiments.length ? 'ready' : 'empty',
      status,
      experiments: search ? experiments.filter(one => shows(one, search, branches)) : experiments,
      open: this.stillOpen(branches),
      details,
      error: null
    });
  }

  /** The open experiments with their runs; at the very first the one that ran last. */
  private async branches(experiments: Experiment[]): Promise<Map<string, Branch>> {
    const first = this.started ? null : newest(experiments);
    if (first) {
      this.started = true;
      this.set({ open: new Map([[first.experiment_id, null]]) });
    }
    const ids = experiments.map(one => one.experiment_id).filter(id => this.state.open.has(id));
    const loaded = await Promise.all(ids.map(id => this.branch(id)));
    return new Map(ids.map((id, place) => [id, loaded[place] ?? nothing()]));
  }

  private async branch(experiment: string): Promise<Branch> {
    const of = { experiment_ids: [experiment] };
    const metric = mainMetric(await this.client.query('metrics.keys', of, this.signal));
    const [page] = await this.client.query(
      'runs.page',
      {
        ...of,
        order_by: ['attributes.start_time DESC'],
        limit: this.limit(experiment),
        columns: metric ? [{ kind: 'metric', key: metric.key }] : []
      },
      this.signal
    );
    return { runs: page?.runs ?? [], metric, more: page?.next_page_token != null };
  }

  private async found(text: string, experiments: Experiment[]): Promise<Map<string, Branch>> {
    const [page] = await this.client.query(
      'runs.page',
      {
        filter: `attributes.name ILIKE '%${text.replaceAll("'", "''")}%'`,
        order_by: ['attributes.start_time DESC'],
        limit: FOUND
      },
      this.signal
    );
    const branches = new Map<string, Branch>();
    for (const run of page?.runs ?? []) {
      const id = run.experiment_id ?? '';
      const branch = branches.get(id) ?? nothing();
      branches.set(id, { ...branch, runs: [...branch.runs, run] });
    }
    for (const { experiment_id } of experiments.filter(one => named(one, text))) {
      if (this.state.open.has(experiment_id) && !branches.has(experiment_id)) {
        branches.set(experiment_id, await this.branch(experiment_id));
      }
    }
    return branches;
  }

  private async detailed(): Promise<Map<string, RunDetail | null>> {
    const ids = [...this.state.details.keys()];
    const loaded = await Promise.all(ids.map(id => this.detail(id)));
    return new Map(loaded.flatMap(one => (one ? [[one.run.run_id, one]] : [])));
  }

  /** What a run recorded; null when it is there no more. */
  private async detail(run_id: string): Promise<RunDetail | null> {
    try {
      const [detail] = await this.client.query('run.detail', { run_id }, this.signal);
      return detail ?? null;
    } catch (error) {
      if (asTrackerError(error).status === 404) {
        return null;
      }
      throw error;
    }
  }

  /** What was loaded, without what was closed meanwhile and with what was opened meanwhile. */
  private stillOpen(branches: ReadonlyMap<string, Branch>): Map<string, Branch | null> {
    if (this.state.search.trim()) {
      return new Map([...this.state.open, ...branches]);
    }
    return new Map([...this.state.open.keys()].map(id => [id, branches.get(id) ?? null]));
  }

  private limit(experiment: string): number {
    return this.limits.get(experiment) ?? PAGE;
  }

  private set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of [...this.listeners]) {
      listener();
    }
  }
}

/**
 * The metric that stands beside a run's name: one with a known direction before others, then the commonest;
 * never one that measures the machine.
 */
export function mainMetric(keys: readonly MetricKey[]): MetricKey | null {
  const rank = (one: MetricKey) => (one.direction === null ? 0 : 1e9) + one.runs;
  return keys
    .filter(one => !one.key.startsWith(SYSTEM))
    .reduce<MetricKey | null>((best, one) => (best === null || rank(one) > rank(best) ? one : best), null);
}

function newest(experiments: readonly Experiment[]): Experiment | null {
  return experiments.reduce<Experiment | null>(
    (best, one) => (one.runs && (one.last_run ?? 0) > (best?.last_run ?? 0) ? one : best),
    null
  );
}

function shows(one: Experiment, text: string, branches: ReadonlyMap<string, Branch>): boolean {
  return named(one, text) || Boolean(branches.get(one.experiment_id)?.runs.length);
}

function named(one: Experiment, text: string): boolean {
  return (one.name ?? '').toLowerCase().includes(text.toLowerCase());
}

function nothing(): Branch {
  return { runs: [], metric: null, more: false };
}
