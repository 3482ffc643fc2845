import { beforeEach, describe, expect, it } from 'vitest';
import { TrackerError } from '../src/model/client';
import { Experiments, PAGE, mainMetric } from '../src/model/experiments';
import { Memory, NOW } from './memory';

let root: Memory;
let model: Experiments;
let ended: AbortController;

beforeEach(() => {
  root = new Memory();
  ended = new AbortController();
  model = new Experiments(root, ended.signal);
});

const names = (id: string): (string | null)[] => (model.get().open.get(id)?.runs ?? []).map(run => run.name);

describe('the experiments', () => {
  it('are empty while nothing was recorded, and no query is asked', async () => {
    root.exists = false;
    await model.refresh();
    expect(model.get().phase).toBe('empty');
    expect(root.asked).toEqual(['status']);
  });

  it('open the one that ran last, once', async () => {
    root.experiment('old', 1, NOW - 10);
    const recent = root.experiment('recent', 1, NOW);
    root.run(recent, 'first');
    await model.refresh();
    expect([...model.get().open.keys()]).toEqual([recent.experiment_id]);
    expect(names(recent.experiment_id)).toEqual(['first']);
    await model.toggle(recent.experiment_id);
    await model.refresh();
    expect(model.get().open.size).toBe(0);
  });

  it('show a page of runs and more on demand', async () => {
    const one = root.experiment('big', 25, NOW);
    for (let n = 0; n < 25; n++) {
      root.run(one, `run-${n}`);
    }
    await model.refresh();
    expect(names(one.experiment_id)).toHaveLength(PAGE);
    expect(model.get().open.get(one.experiment_id)?.more).toBe(true);
    await model.more(one.experiment_id);
    await model.more(one.experiment_id);
    expect(names(one.experiment_id)).toHaveLength(25);
    expect(model.get().open.get(one.experiment_id)?.more).toBe(false);
  });

  it('find runs of every experiment by name, quotes and all', async () => {
    const churn = root.experiment('churn', 1, NOW);
    const other = root.experiment('other', 1, NOW - 1);
    root.run(churn, "it's-a-baseline");
    root.run(other, 'another');
    await model.refresh();
    await model.find("IT'S");
    expect(model.get().experiments).toEqual([churn]);
    expect(names(churn.experiment_id)).toEqual(["it's-a-baseline"]);
    await model.find('');
    expect(model.get().experiments).toHaveLength(2);
  });

  it('find experiments by name too', async () => {
    root.experiment('churn', 0);
    root.experiment('other', 0);
    await model.refresh();
    await model.find('OTH');
    expect(model.get().experiments.map(one => one.name)).toEqual(['other']);
  });

  it('keep what is shown when a refresh fails, and mend when one succeeds', async () => {
    root.experiment('churn', 0);
    await model.refresh();
    root.failure = new TrackerError('busy', 'wait');
    await model.refresh();
    expect(model.get()).toMatchObject({ phase: 'ready', error: { message: 'busy', hint: 'wait' } });
    expect(model.get().experiments).toHaveLength(1);
    root.failure = null;
    await model.refresh();
    expect(model.get().error).toBeNull();
  });

  it('fail visibly when nothing was ever known', async () => {
    root.failure = new TrackerError('busy', 'wait');
    await model.refresh();
    expect(model.get().phase).toBe('failed');
  });

  it('refresh once more for all the calls during a refresh', async () => {
    root.experiment('churn', 0);
    await Promise.all([model.refresh(), model.refresh(), model.refresh(), model.refresh()]);
    expect(root.asked.filter(name => name === 'status')).toHaveLength(2);
  });

  it('forget the details of a run that is there no more', async () => {
    const one = root.experiment('churn', 1, NOW);
    const run = root.run(one, 'gone');
    await model.refresh();
    await model.toggleRun(run.run_id);
    expect(model.get().details.get(run.run_id)?.params).toHaveLength(1);
    root.details.clear();
    await model.refresh();
    expect(model.get().details.size).toBe(0);
    expect(model.get().error).toBeNull();
  });

  it('change nothing after their end', async () => {
    ended.abort();
    root.failure = new TrackerError('busy');
    await model.refresh();
    expect(model.get().error).toBeNull();
  });
});

describe('the main metric', () => {
  it('has a direction before it is common', () => {
    const common = { key: 'batch', direction: null, runs: 100 };
    const known = { key: 'loss', direction: 'min' as const, runs: 2 };
    const commoner = { key: 'acc', direction: 'max' as const, runs: 3 };
    expect(mainMetric([common, known, commoner])).toBe(commoner);
    expect(mainMetric([common])).toBe(common);
    expect(mainMetric([])).toBeNull();
  });

  it('is what the run is about, not how busy the machine was', () => {
    const machine = { key: 'system/cpu_utilization_percentage', direction: null, runs: 100 };
    const own = { key: 'batch', direction: null, runs: 1 };
    expect(mainMetric([machine, own])).toBe(own);
    expect(mainMetric([machine])).toBeNull();
  });
});
