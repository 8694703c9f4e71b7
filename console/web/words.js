// Words, times and units as the agency wants them. The words stand in one file
// for all languages (console/words.tsv); English is what the code says.

let table = {};
let patterns = []; // of the server's sentences, the longest first
let format = { language: 'en', units: 'mph', hour12: false, zone: undefined };

// setWords takes the agency's choice: {language, words, units, hour12, zone}.
export function setWords(w) {
  table = w.words ?? {};
  patterns = Object.entries(table).filter(([en]) => /\{\w+\}/.test(en)).sort((a, b) => b[0].length - a[0].length).map(([en, other]) => ({
    names: [...en.matchAll(/\{(\w+)\}/g)].map((m) => m[1]), other,
    find: new RegExp('^' + en.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '(.+?)') + '$'),
  }));
  format = { language: w.language ?? 'en', units: w.units ?? 'mph', hour12: Boolean(w.hour12), zone: w.zone || undefined };
}

export const language = () => format.language;

// t says an English sentence in the agency's language. {name} stands for a value.
export function t(english, values = {}) {
  return fill(table[english] ?? english, values);
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, k) => (k in values ? String(values[k]) : all));

// said is what the server said, in the agency's language: a sentence of the file,
// or one that fits a pattern of it. Anything else stays as it is.
export function said(text) {
  if (!text || format.language === 'en') return text;
  if (table[text]) return table[text];
  for (const p of patterns) {
    const m = p.find.exec(text);
    if (m) return fill(p.other, Object.fromEntries(p.names.map((n, i) => [n, n === 'list' ? m[i + 1] : said(m[i + 1])])));
  }
  return text;
}

// saidOf says every word of a view that the server made.
export function saidOf(v, names) {
  for (const n of names) if (typeof v?.[n] === 'string') v[n] = said(v[n]);
  return v;
}

// vehicleSaid says colours and styles inside the words for a vehicle.
export function vehicleSaid(text) {
  if (format.language === 'en') return text;
  return said(text).replace(/(dark |light )?[a-z][a-z-]+( [a-z]+)?/g, (w) => table[w] ?? w.split(' ').map((x) => table[x] ?? x).join(' '));
}

const dayOf = (d) => new Intl.DateTimeFormat('en-CA', { timeZone: format.zone, dateStyle: 'short' }).format(d);

// clock is an instant as the officer's watch shows it, with the day where it is another.
export function clock(iso, now = new Date()) {
  const d = new Date(iso);
  if (Number.isNaN(d.getTime())) return t('time not known');
  const time = new Intl.DateTimeFormat(format.language === 'es' ? 'es-US' : 'en-US', {
    timeZone: format.zone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: format.hour12 ? 'h12' : 'h23',
  }).format(d);
  return dayOf(d) === dayOf(now) ? time : `${dayOf(d)} ${time}`;
}

// ago is how long ago something was, as a person says it. A clock that runs
// ahead by a few seconds says nothing odd.
export function ago(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return t('{n} s ago', { n: s });
  if (s < 5400) return t('{n} min ago', { n: Math.round(s / 60) });
  return t('{n} h ago', { n: Math.round(s / 3600) });
}

export function speed(mps) {
  return format.units === 'km/h' ? `${Math.round(mps * 3.6)} km/h` : `${Math.round(mps * 2.23694)} mph`;
}

export function distance(m) {
  if (format.units === 'km/h') return m < 950 ? `${Math.max(10, Math.round(m / 10) * 10)} m` : `${(m / 1000).toFixed(1)} km`;
  return m < 300 ? `${Math.max(50, Math.round(m * 3.28084 / 50) * 50)} ft` : `${(m / 1609.344).toFixed(1)} mi`;
}

const WINDS = ['north', 'northeast', 'east', 'southeast', 'south', 'southwest', 'west', 'northwest'];
export const compass = (deg) => t(WINDS[((Math.round(deg / 45) % 8) + 8) % 8]);

// spell says a plate so that a screen reader does not make a word of it.
export const spell = (text) => [...text].join(' ');
