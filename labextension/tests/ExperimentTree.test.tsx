import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import axe from 'axe-core';
import React from 'react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TrackerError } from '../src/model/client';
import { Experiments } from '../src/model/experiments';
import { ExperimentTree } from '../src/ui/ExperimentTree';
import { Memory, NOW } from './memory';

let root: Memory;
let model: Experiments;
let ended: AbortController;

beforeEach(() => {
  root = new Memory();
  ended = new AbortController();
  model = new Experiments(root, ended.signal);
});

afterEach(() => {
  ended.abort();
  cleanup();
});

async function show(): Promise<HTMLElement> {
  const { container } = render(<ExperimentTree model={model} />);
  await act(() => model.refresh());
  return container;
}

const items = (): string[] => screen.getAllByRole('treeitem').map(item => item.textContent);
const focused = (): string => document.activeElement?.textContent ?? '';

function press(key: string): void {
  fireEvent.keyDown(document.activeElement ?? document.body, { key });
}

describe('the tree', () => {
  beforeEach(() => {
    const churn = root.experiment('churn', 2, NOW);
    root.run(churn, 'baseline');
    root.run(churn, 'broken', {
      status: 'failed',
      error_type: 'ValueError',
      error: '<img src=x onerror=alert(1)>',
      values: [null]
    });
    root.experiment('vision', 0);
  });

  it('shows experiments with counts, and runs with outcome, main metric and age', async () => {
    await show();
    expect(items()[0]).toContain('churn2');
    expect(items()[2]).toContain('baseline0.25');
    expect(screen.getByRole('img', { name: 'failed' })).toBeDefined();
    expect(screen.getByText('loss')).toBeDefined();
  });

  it('opens a run to what it recorded, and never takes text for HTML', async () => {
    const container = await show();
    fireEvent.click(screen.getByText('broken'));
    await screen.findByText('max_depth');
    expect(screen.getByText(/onerror/).textContent).toContain('<img src=x onerror=alert(1)>');
    expect(container.querySelector('img')).toBeNull();
    expect(screen.getByText('churn.ipynb')).toBeDefined();
  });

  it('is walked by keyboard alone', async () => {
    await show();
    screen.getByRole('tree').focus();
    expect(focused()).toContain('churn');
    press('ArrowDown');
    expect(focused()).toContain('broken');
    press('ArrowLeft');
    expect(focused()).toContain('churn');
    press('End');
    expect(focused()).toContain('vision');
    press('ArrowRight');
    await screen.findByText('No runs yet');
    press('ArrowLeft');
    await waitFor(() => expect(screen.queryByText('No runs yet')).toBeNull());
    press('Home');
    press('Enter');
    await waitFor(() => expect(screen.getAllByRole('treeitem')).toHaveLength(2));
  });

  it('narrows to what is searched, and says so when there is nothing', async () => {
    await show();
    const search = screen.getByRole('searchbox');
    fireEvent.change(search, { target: { value: 'base' } });
    await waitFor(() => expect(items().join()).not.toContain('vision'));
    expect(items().join()).toContain('baseline');
    fireEvent.change(search, { target: { value: 'nowhere' } });
    await screen.findByText(/“nowhere”/);
  });

  it('has no accessibility finding', async () => {
    const container = await show();
    fireEvent.click(screen.getByText('baseline'));
    await screen.findByText('max_depth');
    const rules = { 'color-contrast': { enabled: false }, region: { enabled: false } };
    const { violations } = await axe.run(container, { rules });
    expect(violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join()}`)).toEqual([]);
  });
});

describe('without runs', () => {
  it('teaches the lines to write', async () => {
    root.exists = false;
    await show();
    expect(screen.getByText('%load_ext jupyter_tracker')).toBeDefined();
    expect(screen.getByText('%%track')).toBeDefined();
    expect(screen.getByText('Runs are kept in …/ada/work')).toBeDefined();
  });
});

describe('a failure', () => {
  it('is told with its hint, and trying again mends it', async () => {
    root.failure = new TrackerError('The store is busy.', 'Wait a moment.');
    await show();
    expect(screen.getByRole('alert').textContent).toContain('Wait a moment.');
    root.failure = null;
    root.experiment('churn', 0);
    fireEvent.click(screen.getByText('Try again'));
    await screen.findByText('churn');
    expect(screen.queryByRole('alert')).toBeNull();
  });
});
