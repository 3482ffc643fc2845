import * as React from 'react';
import type { MetricKey, Run, RunDetail } from '../model/api';
import { age, duration, number } from '../model/format';
import { Item } from './Item';
import { StatusIcon, useStatusWord } from './StatusIcon';
import { useWords } from './words';

interface Props {
  run: Run;
  metric: MetricKey | null;
  now: number;
  /** Undefined while closed, null while on its way. */
  detail: RunDetail | null | undefined;
  onToggle: (run: string) => void;
}

/** One run in the tree: outcome, name, main metric, age; opened, what it recorded. */
export function RunItem({ run, metric, now, detail, onToggle }: Props): React.JSX.Element {
  const word = useStatusWord(run.status);
  const name = run.name ?? run.run_id.slice(0, 8);
  const value = metric ? number(run.values[0] ?? null) : '';
  const measured = value && metric ? `${metric.key} ${value}` : '';
  return (
    <Item
      level={2}
      label={[name, word, measured].filter(Boolean).join(', ')}
      open={detail !== undefined}
      className="jt-run"
      onPress={() => onToggle(run.run_id)}
      row={
        <>
          <StatusIcon status={run.status} />
          <span className="jt-name" title={name}>
            {name}
          </span>
          <span className="jt-value" title={measured}>
            {value}
          </span>
          <time className="jt-age" title={started(run)}>
            {age(run.start_time, now)}
          </time>
        </>
      }
    >
      {detail !== undefined && <Details run={run} detail={detail} />}
    </Item>
  );
}

function started(run: Run): string | undefined {
  return run.start_time === null ? undefined : new Date(run.start_time / 1000).toLocaleString();
}

function Details({ run, detail }: { run: Run; detail: RunDetail | null }): React.JSX.Element {
  const words = useWords();
  if (detail === null) {
    return <div className="jt-details jt-muted">{words.__('Loading…')}</div>;
  }
  return (
    <div className="jt-details">
      {run.error && (
        <p className="jt-error">
          <strong>{run.error_type}</strong> {run.error}
        </p>
      )}
      {run.note && <p className="jt-note">{run.note}</p>}
      <Pairs title={words.__('Metrics')} pairs={detail.metrics.map(one => [one.key, number(one.last)])} />
      <Pairs title={words.__('Params')} pairs={detail.params.map(one => [one.key, one.value ?? ''])} />
      <Pairs title={words.__('From')} pairs={origin(run, words.__('uncommitted changes'))} />
    </div>
  );
}

function origin(run: Run, dirty: string): [string, string][] {
  const commit = run.git_commit && run.git_commit.slice(0, 10) + (run.git_dirty ? ` + ${dirty}` : '');
  const all: [string, string | null][] = [
    ['notebook', run.notebook?.split(/[\\/]/).pop() ?? null],
    ['duration', duration(run.duration)],
    ['commit', commit],
    ['user', run.user]
  ];
  return all.flatMap(([key, value]) => (value ? [[key, value]] : []));
}

function Pairs({ title, pairs }: { title: string; pairs: [string, string][] }): React.JSX.Element | null {
  if (!pairs.length) {
    return null;
  }
  return (
    <section>
      <h4>{title}</h4>
      <dl>
        {pairs.map(([key, value]) => (
          <React.Fragment key={key}>
            <dt title={key}>{key}</dt>
            <dd title={value}>{value}</dd>
          </React.Fragment>
        ))}
      </dl>
    </section>
  );
}
