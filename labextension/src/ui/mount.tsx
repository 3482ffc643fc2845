import * as React from 'react';
import { createRoot } from 'react-dom/client';
import type { Experiments } from '../model/experiments';
import { ExperimentTree } from './ExperimentTree';
import { WordsProvider, type Words } from './words';

/** Show the experiments in an element until the returned function is called. */
export function mount(element: HTMLElement, model: Experiments, words: Words): () => void {
  const root = createRoot(element);
  root.render(
    <WordsProvider value={words}>
      <ExperimentTree model={model} />
    </WordsProvider>
  );
  return () => {
    root.unmount();
  };
}
