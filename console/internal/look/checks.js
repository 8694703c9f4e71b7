// Returns what is wrong with the page as it stands: contrast below WCAG AA,
// touch targets that a glove misses, text or a page wider than the screen.
(() => {
  const faults = new Set();
  const seen = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && e.getClientRects().length;
  const rgb = (s) => { const m = s.match(/[\d.]+/g).map(Number); return { c: m.slice(0, 3), a: m[3] ?? 1 }; };
  const lum = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (; e; e = e.parentElement) { const g = rgb(getComputedStyle(e).backgroundColor); if (g.a > 0.99) return g.c; } return [255, 255, 255]; };
  const top = document.querySelector('dialog[open]') ?? (document.querySelector('#gate').hidden ? document.querySelector('#app') : document.querySelector('#gate'));
  const stage = document.querySelector('#stage');
  const covered = (e) => !stage.hidden && !stage.contains(e) && e.closest('main');
  const name = (e) => `${e.tagName.toLowerCase()}${e.id ? '#' + e.id : ''}.${e.className?.baseVal ?? e.className} "${e.textContent.trim().slice(0, 30)}"`;
  for (const e of top.querySelectorAll('*')) {
    if (!seen(e) || covered(e) || e.closest('#spoken')) continue;
    const hasText = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (hasText && !e.closest(':disabled') && e.tagName !== 'OPTION') {
      const style = getComputedStyle(e);
      const [a, b] = [lum(rgb(style.color).c), lum(ground(e))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) faults.add(`contrast ${ratio.toFixed(2)}: ${name(e)}`);
      if (parseFloat(style.fontSize) < 13) faults.add(`text of ${style.fontSize}: ${name(e)}`);
    }
    if (e.matches('button, input:not([type=checkbox]), select')) {
      const r = e.getBoundingClientRect();
      if (r.height < 44 || r.width < 36) faults.add(`touch target of ${r.width.toFixed(0)} x ${r.height.toFixed(0)}: ${name(e)}`);
      if (e.scrollWidth > e.clientWidth + 2 && e.tagName === 'BUTTON') faults.add(`words cut off: ${name(e)}`);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.add('the page is wider than the screen');
  if (!stage.hidden && document.querySelector('#gate').hidden) {
    const lead = stage.querySelector('.lead').getBoundingClientRect();
    if (lead.bottom > innerHeight || lead.right > innerWidth || lead.top < 0) faults.add('"Lead only" is not on the screen');
    const b = [...stage.querySelectorAll('.act button')].at(-1).getBoundingClientRect();
    if (b.bottom > innerHeight + 1) faults.add('the last button is below the screen');
    const body = stage.querySelector('.body');
    const [see, know] = [...body.children].map((e) => e.getBoundingClientRect());
    if (know.left < see.right && know.top < see.bottom - 1) faults.add('facts and pictures overlap');
    if (body.clientHeight < 120) faults.add(`only ${body.clientHeight} px are left for the plate`);
    const hidden = body.scrollHeight - body.clientHeight;
    if (hidden > 2 && innerWidth > 720 && !stage.querySelector('.step')) faults.add(`${hidden} px of the hit are below the fold`);
  }
  return [...faults];
})()
