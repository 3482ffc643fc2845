import * as React from 'react';
import type { Status } from '../model/api';
import type { Experiments, State } from '../model/experiments';
import { ExperimentItem } from './ExperimentItem';
import { useNow, useSettled } from './hooks';
import { Empty, Failure, Loading, NothingFound } from './States';
import { treeKeys } from './treeKeys';
import { useWords } from './words';

/** The experiments of a root with their newest runs: the whole sidebar. */
export function ExperimentTree({ model }: { model: Experiments }): React.JSX.Element {
  const state = React.useSyncExternalStore(model.subscribe, model.get);
  return (
    <div className="jt-tree-view">
      {state.phase !== 'empty' && <Search model={model} />}
      {state.error && <Failure error={state.error} onRetry={() => void model.refresh()} />}
      <div className="jt-scroll">
        <Content state={state} model={model} />
      </div>
      {state.status && <Footer status={state.status} />}
    </div>
  );
}

function Content({ state, model }: { state: State; model: Experiments }): React.JSX.Element | null {
  if (state.phase === 'loading') {
    return <Loading />;
  }
  if (state.phase === 'empty') {
    return <Empty />;
  }
  if (!state.experiments.length) {
    return state.error ? null : <NothingFound text={state.search} />;
  }
  return <Tree state={state} model={model} />;
}

function Tree({ state, model }: { state: State; model: Experiments }): React.JSX.Element {
  const words = useWords();
  const now = useNow();
  const tree = React.useRef<HTMLDivElement>(null);
  const enter = (event: React.FocusEvent): void => {
    if (event.target === tree.current) {
      tree.current.querySelector<HTMLElement>('[role=treeitem]')?.focus();
    }
  };
  return (
    <div
      ref={tree}
      className="jt-tree"
      role="tree"
      tabIndex={0}
      aria-label={words.__('Experiments')}
      onKeyDown={treeKeys}
      onFocus={enter}
    >
      {state.experiments.map(experiment => (
        <ExperimentItem
          key={experiment.experiment_id}
          experiment={experiment}
          branch={state.open.get(experiment.experiment_id)}
          details={state.details}
          now={now}
          onToggle={id => void model.toggle(id)}
          onToggleRun={id => void model.toggleRun(id)}
          onMore={id => void model.more(id)}
        />
      ))}
    </div>
  );
}

function Search({ model }: { model: Experiments }): React.JSX.Element {
  const words = useWords();
  const [text, setText] = React.useState('');
  const settled = useSettled(text, 200);
  React.useEffect(() => {
    if (settled !== model.get().search) {
      void model.find(settled);
    }
  }, [model, settled]);
  return (
    <div className="jt-search">
      <input
        type="search"
        value={text}
        placeholder={words.__('Find experiments and runs')}
        aria-label={words.__('Find experiments and runs')}
        onChange={event => {
          setText(event.target.value);
        }}
      />
    </div>
  );
}

function Footer({ status }: { status: Status }): React.JSX.Element {
  const words = useWords();
  const short = status.root.split(/[\\/]/).slice(-2).join('/');
  return (
    <div className="jt-footer" title={`${status.root}\n${status.why}`}>
      {words.__('Runs are kept in %1', `…/${short}`)}
    </div>
  );
}
