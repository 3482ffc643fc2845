import * as React from 'react';
import type { TrackerError } from '../model/client';
import { useWords } from './words';

const LOAD = '%load_ext jupyter_tracker';
const TRACK = '%%track';

/** What stands where runs will be: the one thing to know, ready to be copied. */
export function Empty(): React.JSX.Element {
  const words = useWords();
  return (
    <div className="jt-state">
      <svg className="jt-drawing" viewBox="0 0 64 40" aria-hidden="true">
        <path d="M4 34 L18 22 L30 27 L44 12 L60 6" fill="none" stroke="currentColor" strokeWidth="2" />
        <circle cx="18" cy="22" r="3" />
        <circle cx="30" cy="27" r="3" />
        <circle cx="44" cy="12" r="3" />
      </svg>
      <h3>{words.__('No runs yet')}</h3>
      <p>{words.__('Load the extension once in a notebook:')}</p>
      <Code text={LOAD} />
      <p>{words.__('Then put this on the first line of a cell and run it:')}</p>
      <Code text={TRACK} />
      <p className="jt-muted">
        {words.__('Its parameters, metrics, source, output and outcome are recorded and appear here.')}
      </p>
    </div>
  );
}

function Code({ text }: { text: string }): React.JSX.Element {
  const words = useWords();
  const [copied, setCopied] = React.useState(false);
  const copy = (): void => {
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
    });
  };
  return (
    <div className="jt-code">
      <code>{text}</code>
      <button onClick={copy} aria-label={words.__('Copy %1', text)}>
        {copied ? words.__('Copied') : words.__('Copy')}
      </button>
    </div>
  );
}

/** A search that found nothing. */
export function NothingFound({ text }: { text: string }): React.JSX.Element {
  const words = useWords();
  return <div className="jt-state jt-muted">{words.__('No experiment or run is named like “%1”', text)}</div>;
}

interface FailureProps {
  error: TrackerError;
  onRetry: () => void;
}

/** What went wrong and how to mend it, above whatever is still shown. */
export function Failure({ error, onRetry }: FailureProps): React.JSX.Element {
  const words = useWords();
  return (
    <div className="jt-failure" role="alert">
      <p>{error.message}</p>
      {error.hint && <p className="jt-muted">{error.hint}</p>}
      <button onClick={onRetry}>{words.__('Try again')}</button>
    </div>
  );
}

/** Grey bars in the places of the first rows, so that nothing jumps when they arrive. */
export function Loading(): React.JSX.Element {
  const words = useWords();
  return (
    <div className="jt-skeleton" role="status" aria-label={words.__('Loading')}>
      {[70, 55, 62, 48].map(width => (
        <span key={width} style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}
