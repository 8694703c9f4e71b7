// Day and night.

import { store } from './dom.js';

// applyTheme follows the sun where the car is or was. A fix that comes and goes
// changes nothing: a white page at night blinds.
export function applyTheme(status) {
  let theme = store.get('theme', 'auto');
  if (typeof status?.night === 'boolean') store.set('night', status.night);
  if (theme === 'auto') theme = store.get('night', matchMedia('(prefers-color-scheme: dark)').matches) ? 'night' : 'day';
  document.documentElement.dataset.theme = theme;
}
