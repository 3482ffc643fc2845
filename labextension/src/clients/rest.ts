import type { Queries, Status } from '../model/api';
import { TrackerError, isAbort, type TrackerClient } from '../model/client';

export interface Server {
  /** Address of the extension's routes, with a slash at the end. */
  url: string;
  /** The same for web sockets; may carry a token in its query. */
  changes: string;
  /** Sends a request with whatever proves who the user is. */
  request(url: string, init: RequestInit): Promise<Response>;
}

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/** Asks a Jupyter server that has the extension. */
export class RestClient implements TrackerClient {
  constructor(private readonly server: Server) {}

  status(signal?: AbortSignal): Promise<Status> {
    return this.ask<Status>('status', { method: 'GET' }, signal);
  }

  query<N extends keyof Queries>(
    name: N,
    params: Queries[N]['params'],
    signal?: AbortSignal
  ): Promise<Queries[N]['row'][]> {
    const init = { method: 'POST', body: JSON.stringify(params) };
    return this.ask(`query/${encodeURIComponent(name)}`, init, signal);
  }

  /** Listens on one web socket, opened again with growing pauses when it closes, and tells of what was missed. */
  watch(onChange: () => void, signal: AbortSignal): void {
    let wait = FIRST_WAIT;
    let seen: number | null = null;
    const connect = (): void => {
      if (signal.aborted) {
        return;
      }
      const socket = new WebSocket(this.server.changes);
      const closed = new AbortController();
      const listen = { signal: AbortSignal.any([signal, closed.signal]) };
      socket.addEventListener('open', () => (wait = FIRST_WAIT), listen);
      socket.addEventListener(
        'message',
        event => {
          const { epoch } = JSON.parse(String(event.data)) as { epoch: number };
          if (seen !== null && epoch !== seen) {
            onChange();
          }
          seen = epoch;
        },
        listen
      );
      const again = (): void => {
        closed.abort();
        seen = seen === null ? null : -1;
        setTimeout(connect, wait);
        wait = Math.min(2 * wait, LONGEST_WAIT);
      };
      socket.addEventListener('close', again, listen);
      signal.addEventListener('abort', () => socket.close(), { signal: closed.signal });
    };
    connect();
  }

  private async ask<T>(path: string, init: RequestInit, signal?: AbortSignal): Promise<T> {
    let response: Response;
    try {
      response = await this.server.request(this.server.url + path, {
        ...init,
        ...(signal ? { signal } : {})
      });
    } catch (error) {
      if (isAbort(error)) {
        throw error;
      }
      throw new TrackerError(
        'The Jupyter server does not answer.',
        'Check that it is still running; this view goes on by itself.'
      );
    }
    if (!response.ok) {
      throw await refusal(response);
    }
    return (await response.json()) as T;
  }
}

async function refusal(response: Response): Promise<TrackerError> {
  try {
    const { message, hint } = (await response.json()) as { message?: string; hint?: string };
    return new TrackerError(message ?? response.statusText, hint ?? '', response.status);
  } catch {
    return new TrackerError(
      `The Jupyter server answered ${response.status} ${response.statusText}.`,
      'Check that the extension is enabled: jupyter server extension list',
      response.status
    );
  }
}
