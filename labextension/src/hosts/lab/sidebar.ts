import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import type { TrackerClient } from '../../model/client';
import { Experiments } from '../../model/experiments';
import type { Words } from '../../ui/words';
import { trackerIcon } from './icon';

/** Runs that are running may be lost without a word; ask again this often while they are shown, in ms. */
const LOOK_AGAIN = 15_000;

/** The sidebar. Costs nothing until it is first shown; asks nothing while it is hidden. */
export class ExperimentsSidebar extends Widget {
  private readonly ended = new AbortController();
  private readonly model: Experiments;
  private started = false;

  constructor(
    private readonly client: TrackerClient,
    private readonly words: Words
  ) {
    super();
    this.model = new Experiments(client, this.ended.signal);
    this.id = 'jupyter-tracker-experiments';
    this.addClass('jt-sidebar');
    this.title.icon = trackerIcon;
    this.title.caption = words.__('Experiments');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', words.__('Experiments'));
  }

  override dispose(): void {
    this.ended.abort();
    super.dispose();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.start().then(() => this.look());
  }

  private async start(): Promise<void> {
    if (this.started) {
      return;
    }
    this.started = true;
    const { signal } = this.ended;
    const { mount } = await import('../../ui/mount');
    const unmount = mount(this.node, this.model, this.words);
    signal.addEventListener('abort', unmount, { once: true });
    this.client.watch(() => void this.look(), signal);
    document.addEventListener('visibilitychange', () => void this.look(), { signal });
    this.node.addEventListener('focusin', this.onFocus, { signal });
    const timer = setInterval(() => void this.lookForLost(), LOOK_AGAIN);
    signal.addEventListener(
      'abort',
      () => {
        clearInterval(timer);
      },
      { once: true }
    );
  }

  private readonly onFocus = (event: FocusEvent): void => {
    if (!this.node.contains(event.relatedTarget as Node | null)) {
      void this.look();
    }
  };

  private look(): Promise<void> {
    const shown = this.isVisible && document.visibilityState === 'visible';
    return shown ? this.model.refresh() : Promise.resolve();
  }

  private lookForLost(): Promise<void> {
    const branches = [...this.model.get().open.values()];
    const running = branches.some(one => one?.runs.some(run => run.status === 'running'));
    return running ? this.look() : Promise.resolve();
  }
}
