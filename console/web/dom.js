// Drawing. h() describes an element, draw() makes the page agree with the
// description and keeps every element that can stay: its focus, what was typed
// into it, and the finger on it. Text from outside (plates, hotlist rows, notes)
// only ever becomes text nodes, isolated by outside().

const SVG = 'http://www.w3.org/2000/svg';
const OPEN_KEY = Symbol('description');

// Shapes differ as well as colours do.
const PATHS = {
  high: 'M12 2 23 22H1Z M12 9v6 M12 18.3v.2',
  normal: 'M12 2 22 12 12 22 2 12Z M12 7.5v5.5 M12 16v.2',
  low: 'M12 3a9 9 0 1 0 .01 0Z M12 7.5v5.5 M12 16v.2',
  covert: 'M3 3l18 18 M10 5a9 9 0 0 1 11 7 11 11 0 0 1-2 3.5 M6 7a11 11 0 0 0-3 5c2 6 9 8 13 5 M9.5 10a3 3 0 0 0 4.5 4',
  ok: 'M4 12.5 9.5 18 20 6.5',
  degraded: 'M12 3 22 20H2Z M12 9.5v5 M12 17.2v.2',
  down: 'M5 5l14 14 M19 5 5 19',
  question: 'M8.5 9a3.5 3.5 0 1 1 5 3.2c-1 .6-1.5 1.3-1.5 2.6 M12 18.6v.2',
  home: 'M3 7h18v10H3Z M7 10.5h4 M13 10.5h4 M7 13.5h10',
  lookup: 'M10.5 4a6.5 6.5 0 1 0 .01 0Z M15.5 15.5 21 21',
  entries: 'M12 5v14 M5 12h14',
  shift: 'M9 4 3 6.5v13.5L9 17.5l6 2.5 6-2.5V4L15 6.5Z M9 4v13.5 M15 6.5V20',
  system: 'M4 18v-5 M10 18V9 M16 18V5 M21 18H2',
  sound: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5Z M15.5 9a4 4 0 0 1 0 6 M18 6.5a8 8 0 0 1 0 11',
  mute: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5Z M16 9.5l5 5 M21 9.5l-5 5',
  emergency: 'M12 2v9 M6 6a8.5 8.5 0 1 0 12 0',
  lock: 'M5 11h14v10H5Z M8 11V8a4 4 0 0 1 8 0v3',
  undo: 'M9 5 4 10l5 5 M4 10h10a6 6 0 0 1 0 12h-2',
  link: 'M4 12h3 M17 12h3 M9 7v10 M15 7v10',
};

export const icon = (name) => h('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, h('path', { d: PATHS[name] ?? PATHS.low }));

// h describes an element: h('button.main', {onclick: f, key: id}, 'text', other).
// key names it among its neighbours over redraws.
export function h(tag, props, ...children) {
  const [name, ...classes] = tag.split('.');
  const kept = { ...props };
  if (name === 'button') kept.type ??= 'button';
  if (classes.length) kept.class = classes.join(' ');
  return { name, key: kept.key, props: kept, children: children.flat(9).filter((c) => c !== null && c !== undefined && c !== false && c !== '').map((c) => (typeof c === 'object' ? c : String(c))) };
}

// outside is text that somebody else wrote: it cannot turn or rewrite its neighbours.
export const outside = (text) => (text ? h('bdi', {}, text) : '');

export const $ = (id) => document.getElementById(id);

// draw makes the children of root be like those described.
export function draw(root, ...children) {
  const focus = document.activeElement;
  patchChildren(root, h('x', {}, ...children).children);
  if (focus && focus !== document.activeElement && focus !== document.body && focus.isConnected && root.contains(focus)) focus.focus({ preventScroll: true });
}

function patchChildren(parent, wanted) {
  const old = [...parent.childNodes];
  const byKey = new Map(old.filter((n) => n[OPEN_KEY]?.key !== undefined).map((n) => [n[OPEN_KEY].key, n]));
  const free = old.filter((n) => n[OPEN_KEY]?.key === undefined);
  const nodes = wanted.map((w) => reuse(w, byKey, free) ?? make(w, parent.namespaceURI));
  const kept = new Set(nodes);
  for (const n of old) if (!kept.has(n)) n.remove();
  let at = parent.firstChild;
  for (const n of nodes) {
    if (n === at) at = at.nextSibling;
    else parent.insertBefore(n, at);
  }
}

// reuse takes an old node for what is wanted: by key, or the first that is free and of its kind.
function reuse(w, byKey, free) {
  if (typeof w === 'string') {
    const i = free.findIndex((n) => n.nodeType === Node.TEXT_NODE);
    if (i < 0) return undefined;
    const [n] = free.splice(i, 1);
    if (n.data !== w) n.data = w;
    return n;
  }
  let n = w.key === undefined ? undefined : byKey.get(w.key);
  if (w.key === undefined) {
    const i = free.findIndex((o) => o[OPEN_KEY]?.name === w.name);
    if (i >= 0) [n] = free.splice(i, 1);
  }
  if (!n || n[OPEN_KEY].name !== w.name) return undefined;
  byKey.delete(w.key);
  patch(n, w);
  return n;
}

function make(w, space) {
  if (typeof w === 'string') return document.createTextNode(w);
  const n = w.name === 'svg' || space === SVG ? document.createElementNS(SVG, w.name) : document.createElement(w.name);
  n[OPEN_KEY] = { name: w.name, props: {}, children: [] };
  patch(n, w);
  return n;
}

function patch(n, w) {
  const before = n[OPEN_KEY].props;
  for (const k of Object.keys(before)) if (!(k in w.props)) setProp(n, k, undefined, before[k]);
  n[OPEN_KEY] = w;
  if (!w.props.isOwn) patchChildren(n, w.children); // before the value: a select needs its options
  for (const [k, v] of Object.entries(w.props)) setProp(n, k, v, before[k]);
}

function setProp(n, k, v, before) {
  if (k === 'key' || k === 'isOwn') return;
  if (k.startsWith('on')) n[k] = v || null;
  else if (k === 'value') {
    // What the officer typed since is his: only a new value from the page replaces it.
    if (v !== before && n.value !== v) n.value = v ?? '';
  } else if (v === before) return;
  else if (v === undefined || v === null || v === false) {
    if (k === 'hidden' || k === 'disabled' || k === 'checked') n[k] = false;
    else n.removeAttribute(k);
  } else if (k === 'hidden' || k === 'disabled' || k === 'checked') n[k] = Boolean(v);
  else n.setAttribute(k, v === true ? '' : v);
}

export const store = {
  get(key, otherwise) {
    try { return JSON.parse(localStorage.getItem('alpr.' + key)) ?? otherwise; } catch { return otherwise; }
  },
  set(key, v) {
    try { localStorage.setItem('alpr.' + key, JSON.stringify(v)); } catch { /* a browser without storage forgets the setting */ }
  },
};

// plateText marks the characters that were not seen well.
export function plateText(text, weak = []) {
  return h('bdi.plate', {}, [...text].map((c, i) => (weak?.includes(i) ? h('span.weak', {}, c) : c)));
}

let toastTimer;
export function toast(text, button) {
  const box = $('toast');
  draw(box, h('span', {}, text), button);
  box.classList.add('on');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(hideToast, button ? 10000 : 4000);
}
export function hideToast() {
  clearTimeout(toastTimer);
  $('toast').classList.remove('on');
  draw($('toast'));
}
