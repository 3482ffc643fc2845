import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { labClient } from './client';
import { ExperimentsSidebar } from './sidebar';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-tracker:experiments',
  description: 'Experiments and their runs in the left sidebar.',
  autoStart: true,
  optional: [ITranslator, ILayoutRestorer],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null, restorer: ILayoutRestorer | null) => {
    const words = (translator ?? nullTranslator).load('jupyter_tracker');
    const sidebar = new ExperimentsSidebar(labClient(app.serviceManager.serverSettings), words);
    app.shell.add(sidebar, 'left', { rank: 350 });
    restorer?.add(sidebar, sidebar.id);
  }
};

export default plugin;
