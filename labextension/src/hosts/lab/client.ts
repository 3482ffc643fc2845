import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { RestClient } from '../../clients/rest';
import type { TrackerClient } from '../../model/client';

const ROUTES = 'jupyter-tracker/api/';

/** The client that asks the server JupyterLab itself talks to. */
export function labClient(settings: ServerConnection.ISettings): TrackerClient {
  const token = settings.appendToken && settings.token ? `?token=${encodeURIComponent(settings.token)}` : '';
  return new RestClient({
    url: URLExt.join(settings.baseUrl, ROUTES),
    changes: `${URLExt.join(settings.wsUrl, ROUTES, 'changes')}${token}`,
    request: (url, init) => ServerConnection.makeRequest(url, init, settings)
  });
}
