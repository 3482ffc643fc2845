import * as React from 'react';
import type { Experiment, RunDetail } from '../model/api';
import type { Branch } from '../model/experiments';
import { Item } from './Item';
import { RunItem } from './RunItem';
import { useWords } from './words';

interface Props {
  experiment: Experiment;
  /** Undefined while closed, null while on its way. */
  branch: Branch | null | undefined;
  details: ReadonlyMap<string, RunDetail | null>;
  now: number;
  onToggle: (experiment: string) => void;
  onToggleRun: (run: string) => void;
  onMore: (experiment: string) => void;
}

/** One experiment in the tree, with its newest runs while it is open. */
export function ExperimentItem(props: Props): React.JSX.Element {
  const { experiment, branch, onToggle } = props;
  const words = useWords();
  const name = experiment.name ?? words.__('unnamed');
  const count = experiment.runs === 1 ? words.__('1 run') : words.__('%1 runs', experiment.runs);
  return (
    <Item
      level={1}
      label={`${name}, ${count}`}
      open={branch !== undefined}
      className="jt-experiment"
      onPress={() => onToggle(experiment.experiment_id)}
      row={
        <>
          <svg className="jt-caret" viewBox="0 0 16 16" aria-hidden="true">
            <path d="M6 4l4 4-4 4" fill="none" stroke="currentColor" strokeWidth="1.5" />
          </svg>
          <span className="jt-name" title={experiment.note || name}>
            {name}
          </span>
          <span className="jt-count" title={count}>
            {experiment.runs}
          </span>
        </>
      }
    >
      {branch !== undefined && <Runs {...props} branch={branch} />}
    </Item>
  );
}

function Runs(props: Props & { branch: Branch | null }): React.JSX.Element {
  const { experiment, branch, details, now, onToggleRun, onMore } = props;
  const words = useWords();
  if (!branch?.runs.length) {
    return <div className="jt-hint">{branch ? words.__('No runs yet') : words.__('Loading…')}</div>;
  }
  return (
    <>
      {branch.metric && (
        <div className="jt-heading" aria-hidden="true">
          <span title={branch.metric.key}>{branch.metric.key}</span>
        </div>
      )}
      <div role="group">
        {branch.runs.map(run => (
          <RunItem
            key={run.run_id}
            run={run}
            metric={branch.metric}
            now={now}
            detail={details.get(run.run_id)}
            onToggle={onToggleRun}
          />
        ))}
        {branch.more && (
          <Item
            level={2}
            label={words.__('Show more runs')}
            className="jt-more"
            onPress={() => onMore(experiment.experiment_id)}
            row={words.__('Show more runs')}
          />
        )}
      </div>
    </>
  );
}
