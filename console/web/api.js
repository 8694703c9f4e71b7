// The page's requests, and what the server answers.

import { said, t } from './words.js';

let token = '';
export function setToken(v) { token = v; }

// Problem is an answer that is not a success; its message is for the officer.
export class Problem extends Error {
  constructor(code, message) { super(message); this.code = code; }
}

// api asks the server. An answer 401 opens the log-in, 423 the lock, whatever asked.
export async function api(method, path, body) {
  let r;
  try {
    r = await fetch(path, {
      method,
      headers: method === 'GET' ? {} : { 'Content-Type': 'application/json', 'X-Alpr-Token': token },
      body: method === 'GET' ? undefined : JSON.stringify(body ?? {}),
    });
  } catch {
    throw new Problem(0, t('The plate reader does not answer. Try again.'));
  }
  if (r.headers.get('Content-Type') === 'image/jpeg' && r.ok) return r.blob();
  const v = await r.json().catch(() => ({}));
  if (r.ok) return v;
  if (r.status === 401 || r.status === 423) dispatchEvent(new CustomEvent('alpr-gate', { detail: r.status }));
  throw new Problem(r.status, v.error ?? t('The plate reader answered {code}.', { code: r.status }));
}

export const sentence = (text) => said(text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.'));
