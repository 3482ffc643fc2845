import type { Experiment, MetricKey, Queries, Run, RunDetail, Status } from '../src/model/api';
import { TrackerError, type TrackerClient } from '../src/model/client';

export const NOW = 1_764_000_000_000_000;
export const MINUTE = 60_000_000;

/** A root in memory that answers as the server does. */
export class Memory implements TrackerClient {
  exists = true;
  failure: TrackerError | null = null;
  experiments: Experiment[] = [];
  runs: Run[] = [];
  metrics: MetricKey[] = [{ key: 'loss', direction: 'min', runs: 1 }];
  details = new Map<string, RunDetail>();
  asked: string[] = [];
  private watchers: (() => void)[] = [];

  status(): Promise<Status> {
    this.asked.push('status');
    return this.failure
      ? Promise.reject(this.failure)
      : Promise.resolve({ version: '1', root: '/home/ada/work', why: 'given', exists: this.exists });
  }

  query<N extends keyof Queries>(name: N, params: Queries[N]['params']): Promise<Queries[N]['row'][]> {
    this.asked.push(name);
    const answers: { [Q in keyof Queries]: (params: Queries[Q]['params']) => Queries[Q]['row'][] } = {
      'experiments.list': () => this.experiments,
      'metrics.keys': () => this.metrics,
      'runs.page': asked => [this.page(asked)],
      'run.detail': asked => [this.detail(asked.run_id)]
    };
    return new Promise(resolve => {
      resolve(answers[name](params));
    });
  }

  watch(onChange: () => void, signal: AbortSignal): void {
    this.watchers.push(onChange);
    signal.addEventListener('abort', () => (this.watchers = []), { once: true });
  }

  changed(): void {
    this.watchers.forEach(watcher => {
      watcher();
    });
  }

  experiment(name: string, runs: number, lastRun: number | null = null): Experiment {
    const one = { experiment_id: `id of ${name}`, name, note: '', runs, created: NOW, last_run: lastRun };
    this.experiments.push(one);
    return one;
  }

  run(experiment: Experiment, name: string, more: Partial<Run> = {}): Run {
    const run: Run = {
      run_id: `${name}-0123456789`,
      name,
      status: 'finished',
      experiment: experiment.name,
      experiment_id: experiment.experiment_id,
      start_time: NOW - 5 * MINUTE,
      end_time: NOW,
      duration: 300,
      user: 'ada',
      notebook: '/home/ada/work/churn.ipynb',
      execution_count: 3,
      attempt: 1,
      git_commit: '0123456789abcdef',
      git_dirty: true,
      note: '',
      error_type: null,
      error: null,
      values: [0.25],
      ...more
    };
    this.runs.unshift(run);
    this.details.set(run.run_id, {
      run,
      params: [{ key: 'max_depth', value: '3' }],
      metrics: [{ key: 'loss', count: 1, last: 0.25, last_step: 0, best: 0.25 }]
    });
    return run;
  }

  private page(asked: Queries['runs.page']['params']): Queries['runs.page']['row'] {
    const text = /ILIKE '%(.*)%'/.exec(asked.filter ?? '')?.[1]?.replaceAll("''", "'") ?? '';
    const limit = asked.limit ?? 100;
    const found = this.runs
      .filter(run => !asked.experiment_ids || asked.experiment_ids.includes(run.experiment_id ?? ''))
      .filter(run => (run.name ?? '').toLowerCase().includes(text.toLowerCase()));
    return { runs: found.slice(0, limit), next_page_token: found.length > limit ? 'more' : null };
  }

  private detail(id: string): RunDetail {
    const found = this.details.get(id);
    if (!found) {
      throw new TrackerError(`no run ${id}`, 'list runs to see them', 404);
    }
    return found;
  }
}
