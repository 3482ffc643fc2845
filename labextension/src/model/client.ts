import type { Queries, Status } from './api';

/** All that a component may ask for. Every host brings its own; components never see a transport. */
export interface TrackerClient {
  /** Which root is looked at. */
  status(signal?: AbortSignal): Promise<Status>;
  /** Ask a query by name. Rejects with a TrackerError. */
  query<N extends keyof Queries>(
    name: N,
    params: Queries[N]['params'],
    signal?: AbortSignal
  ): Promise<Queries[N]['row'][]>;
  /** Call `onChange` after something was recorded, until `signal` aborts; no more than once a second. */
  watch(onChange: () => void, signal: AbortSignal): void;
}

/** Says what is wrong and, in `hint`, how to mend it. Both are shown as they are. */
export class TrackerError extends Error {
  constructor(
    message: string,
    readonly hint = '',
    readonly status = 0
  ) {
    super(message);
    this.name = 'TrackerError';
  }
}

/** Any thrown value as an error that can be shown. */
export function asTrackerError(error: unknown): TrackerError {
  if (error instanceof TrackerError) {
    return error;
  }
  return new TrackerError(error instanceof Error ? error.message : String(error));
}

/** Whether a promise was rejected only because nobody waits for it any more. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
