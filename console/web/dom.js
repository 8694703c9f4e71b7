// Small helpers. Text from outside (plates, hotlist rows, notes) only ever
// becomes text nodes, never markup.

const SVG = 'http://www.w3.org/2000/svg';

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
  system: 'M4 18v-5 M10 18V9 M16 18V5 M21 18H2',
  sound: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5Z M15.5 9a4 4 0 0 1 0 6 M18 6.5a8 8 0 0 1 0 11',
  mute: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5Z M16 9.5l5 5 M21 9.5l-5 5',
  emergency: 'M12 2v9 M6 6a8.5 8.5 0 1 0 12 0',
  lock: 'M5 11h14v10H5Z M8 11V8a4 4 0 0 1 8 0v3',
  undo: 'M9 5 4 10l5 5 M4 10h10a6 6 0 0 1 0 12h-2',
  link: 'M4 12h3 M17 12h3 M9 7v10 M15 7v10',
};

export function icon(name) {
  const s = document.createElementNS(SVG, 'svg');
  s.setAttribute('viewBox', '0 0 24 24');
  s.setAttribute('aria-hidden', 'true');
  const p = document.createElementNS(SVG, 'path');
  p.setAttribute('d', PATHS[name]);
  s.append(p);
  return s;
}

// h makes an element: h('button.main', {onclick: f}, 'text', otherElement).
export function h(tag, props, ...children) {
  const [name, ...classes] = tag.split('.');
  const e = document.createElement(name);
  if (classes.length) e.className = classes.join(' ');
  for (const [k, v] of Object.entries(props ?? {})) {
    if (v === undefined || v === null || v === false) continue;
    if (k.startsWith('on') || k in e && typeof v !== 'string') e[k] = v;
    else e.setAttribute(k, v === true ? '' : v);
  }
  if (name === 'button' && !e.hasAttribute('type')) e.type = 'button';
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false && c !== ''));
  return e;
}

export const $ = (id) => document.getElementById(id);

export const store = {
  get(key, otherwise) {
    try { return JSON.parse(localStorage.getItem('alpr.' + key)) ?? otherwise; } catch { return otherwise; }
  },
  set(key, v) {
    try { localStorage.setItem('alpr.' + key, JSON.stringify(v)); } catch { /* a browser without storage forgets the setting */ }
  },
};

let token = '';
export function setToken(t) { token = t; }

// Problem is an answer that is not a success; its message is for the officer.
export class Problem extends Error {
  constructor(code, message) { super(message); this.code = code; }
}

export async function api(method, path, body) {
  let r;
  try {
    r = await fetch(path, {
      method,
      headers: method === 'GET' ? {} : { 'Content-Type': 'application/json', 'X-Alpr-Token': token },
      body: method === 'GET' ? undefined : JSON.stringify(body ?? {}),
    });
  } catch {
    throw new Problem(0, 'The plate reader does not answer. Try again.');
  }
  if (r.headers.get('Content-Type') === 'image/jpeg' && r.ok) return r.blob();
  const v = await r.json().catch(() => ({}));
  if (r.ok) return v;
  if (r.status === 401 || r.status === 423) dispatchEvent(new CustomEvent('alpr-gate', { detail: r.status }));
  throw new Problem(r.status, v.error ?? `The plate reader answered ${r.status}.`);
}

export function clock(iso) {
  const t = new Date(iso);
  const time = t.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  return t.toDateString() === new Date().toDateString() ? time : t.toLocaleDateString() + ' ' + time;
}

// plateText marks the characters that were not seen well.
export function plateText(text, weak = []) {
  const p = h('span.plate', {});
  [...text].forEach((c, i) => p.append(weak.includes(i) ? h('span.weak', { title: 'not seen well' }, c) : c));
  return p;
}

// spell says a plate so that a screen reader does not make a word of it.
export const spell = (text) => [...text].join(' ');

let toastTimer;
export function toast(text) {
  const t = $('toast');
  t.textContent = text;
  t.classList.add('on');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => t.classList.remove('on'), 4000);
}
