import { LabIcon } from '@jupyterlab/ui-components';

/** A curve with its points: runs and what they measured. */
export const trackerIcon = new LabIcon({
  name: 'jupyter-tracker:experiments',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M3 3h2v16h16v2H3z"/>
    <path d="M7.7 16.7 6.3 15.3l4.4-4.4 3 3 5-6.5 1.6 1.2-6.4 8.3-3.2-3.2z"/>
    <circle cx="19.5" cy="7.5" r="2.2"/>
  </g>
</svg>`
});
