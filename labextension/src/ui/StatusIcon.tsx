import * as React from 'react';
import type { RunStatus } from '../model/api';
import { useWords } from './words';

const SHAPES: Record<RunStatus, React.JSX.Element> = {
  running: (
    <>
      <circle cx="8" cy="8" r="3" fill="currentColor" />
      <circle className="jt-pulse" cx="8" cy="8" r="6" fill="none" stroke="currentColor" />
    </>
  ),
  finished: <path d="M3.5 8.5l3 3 6-7" fill="none" stroke="currentColor" strokeWidth="2" />,
  failed: <path d="M4 4l8 8M12 4l-8 8" stroke="currentColor" strokeWidth="2" />,
  interrupted: <rect x="4" y="4" width="8" height="8" rx="1" fill="currentColor" />,
  lost: (
    <circle
      cx="8"
      cy="8"
      r="4.5"
      fill="none"
      stroke="currentColor"
      strokeDasharray="2.5 2"
      strokeWidth="1.5"
    />
  )
};

/** The outcome of a run by shape and colour; screen readers hear the word. */
export function StatusIcon({ status }: { status: RunStatus }): React.JSX.Element {
  const label = useStatusWord(status);
  return (
    <svg className="jt-status" data-status={status} viewBox="0 0 16 16" role="img" aria-label={label}>
      <title>{label}</title>
      {SHAPES[status]}
    </svg>
  );
}

/** The outcome in the language of the user. */
export function useStatusWord(status: RunStatus): string {
  const words = useWords();
  return {
    running: words.__('running'),
    finished: words.__('finished'),
    failed: words.__('failed'),
    interrupted: words.__('interrupted'),
    lost: words.__('lost: its process is gone')
  }[status];
}
