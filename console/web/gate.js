// The log-in and the lock. Alerts sound and show here too, as far as the agency
// lets them; pictures and answers need the officer.

import { $, h, draw, icon, outside } from './dom.js';
import { api, sentence } from './api.js';
import { t, clock } from './words.js';
import { gateAlerts } from './logic.js';

const MOST_ALERTS = 3;

let kind = ''; // 'login', 'locked' or '' where the page is open
let alerts = [];
let message = '';
let note = ''; // what this page does not do meanwhile
let isBusy = false;
let hooks = { entered() {}, other() {} };
let officer = {};

export const gate = {
  get kind() { return kind; },
  get isShut() { return kind !== ''; },
  setup(hk) { hooks = hk; },
  // shut asks for the officer; a repeated call changes only the message.
  shut(k, who, text = '') {
    const isNew = kind !== k;
    if (!isNew && !text) return;
    [kind, officer, message] = [k, who ?? {}, text];
    if (isNew) [alerts, note] = [[], ''];
    draw_();
    $('gate').hidden = false;
    $('app').hidden = true;
    if (isNew) $(k === 'locked' ? 'gate-password' : 'gate-name')?.focus();
  },
  open() {
    kind = '';
    alerts = [];
    $('gate').hidden = true;
    draw($('gate'));
    $('app').hidden = false;
  },
  say(text) {
    if (note === text) return;
    note = text;
    if (kind) draw_();
  },
  clearMessage() { message = ''; if (kind) draw_(); },
  // take shows alerts; a list is everything there is, one is news.
  take(news) {
    alerts = Array.isArray(news) ? gateAlerts([], news) : gateAlerts(alerts, [news]);
    if (kind) draw_();
  },
};

async function submit(ev) {
  ev.preventDefault();
  if (isBusy) return;
  isBusy = true;
  const isLocked = kind === 'locked';
  const password = $('gate-password');
  try {
    const s = isLocked ? await api('POST', '/api/unlock', { password: password.value })
      : await api('POST', '/api/login', { name: $('gate-name').value.trim(), password: password.value });
    hooks.entered(s);
  } catch (e) {
    message = sentence(e.message);
    draw_();
    const again = $('gate-password');
    if (again) again.value = '';
    again?.focus();
  }
  isBusy = false;
}

function draw_() {
  const isLocked = kind === 'locked';
  draw($('gate'), h('form', { key: kind, onsubmit: submit },
    h('h1', {}, icon(isLocked ? 'lock' : 'home'), ' ', isLocked ? t('Console locked') : t('Plate reader')),
    alertBoxes(),
    isLocked ? h('p', { key: 'who' }, outside(officer.full || officer.officer), h('input', { autocomplete: 'username', value: officer.officer, hidden: true }))
      : h('label', { key: 'who' }, h('span', {}, t('Officer')), h('input', { id: 'gate-name', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', required: true })),
    h('label', { key: 'password' }, h('span', {}, t('Password')), h('input', { id: 'gate-password', type: 'password', autocomplete: 'current-password', required: true })),
    h('p.problem', { key: 'problem', role: 'alert' }, message),
    h('button.main', { key: 'submit', type: 'submit' }, isLocked ? t('Unlock') : t('Log in')),
    isLocked && h('button', { key: 'other', onclick: () => hooks.other() }, t('Log in as another officer')),
    note && h('p.note', { key: 'note', role: 'status' }, icon('degraded'), h('span', {}, note))));
}

function alertBoxes() {
  return h('div.alerts', { key: 'alerts', role: 'alert' }, alerts.slice(0, MOST_ALERTS).map(alertBox),
    alerts.length > MOST_ALERTS && h('p.soft', { key: 'more' }, t('{n} more wait.', { n: alerts.length - MOST_ALERTS })));
}

function alertBox(a) {
  const head = a.withdrawn ? [t('A hit was withdrawn. Do not act on it.'), a.withdrawn_why].filter(Boolean).join(' ') : `${t(a.priority_word + ' priority')[0].toUpperCase()}${t(a.priority_word + ' priority').slice(1)}, ${clock(a.at)}`;
  return h('div.waiting-hit' + (a.withdrawn ? '.withdrawn' : '.p' + a.priority), { key: a.id }, icon(a.withdrawn ? 'undo' : a.priority_word), h('div', {}, h('div', {}, head),
    a.plate && h('div', {}, h('bdi.plate', {}, a.plate), ' ', outside([a.category, a.reason].filter(Boolean).join(': '))),
    a.caution && !a.withdrawn && h('div.strong', {}, t('CAUTION') + ': ', outside(a.caution)),
    a.plate && h('div', {}, a.state), !a.withdrawn && h('div.strong', {}, a.lead),
    h('div', {}, kind === 'locked' ? t('Unlock to see it and to answer.') : t('Log in to see it and to answer.'))));
}
