// One key an action. A key acts only where nobody types, without a modifier, and
// only while the agency's officer has not switched them off (System).

import { isTyping } from './stage.js';
import { store } from './dom.js';

export const hasKeys = () => store.get('keys', true) && !matchMedia('(pointer: coarse) and (max-width: 720px)').matches;

// listen hands keys to act(key, isTyping), which says whether it took them.
export function listen(act) {
  addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || e.repeat || e.isComposing) return;
    const typing = isTyping();
    const always = e.key === 'Escape' || e.key === 'F2' || (e.key === 'Enter' && typing);
    if (typing && !always) return;
    if (!always && (!hasKeys() || (e.key === 'Enter' || e.key === ' ') && document.activeElement?.matches('button, a, summary'))) return;
    if (act(e.key.length === 1 ? e.key.toLowerCase() : e.key, typing)) e.preventDefault();
  });
}
