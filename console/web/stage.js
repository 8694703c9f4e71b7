// The stage: one hit, as large as the screen allows, with what an officer needs
// to compare it with the car ahead, and the five verdicts.

import { $, h, icon, api, clock, spell, toast } from './dom.js';

// A finger that was on its way elsewhere when the hit came must not decide it.
const GUARD_MS = 800;

const VERDICTS = [
  ['confirmed', 'ok', 'Correct plate & state', 'Plate and state verified. What did you do?'],
  ['misread', 'down', 'Misread', 'What does the plate say?'],
  ['wrong state', 'link', 'Wrong state', 'The plate is of another state. What did you do?'],
  ['not wanted', 'undo', 'Not wanted or stale', 'The list is wrong or out of date. What did you do?'],
  ['dismissed', 'question', 'Dismiss', 'Not looked at. Dismiss this hit?'],
];
export const VERDICT_WORDS = {
  confirmed: 'Confirmed: plate and state verified', misread: 'Misread', 'wrong state': 'Wrong state',
  'not wanted': 'Not wanted or stale', dismissed: 'Dismissed, not looked at',
};
const KEYS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';

let current; // the hit shown
let shownAt = 0;
let step; // the verdict chosen, before it is recorded
let config = { actions: [] };
let hooks = { closed() {}, chosen() {} };

export const stage = {
  get id() { return current?.id; },
  get isBusy() { return step !== undefined; },
  setup(c, hk) { config = c; hooks = hk; },
  show(hit, waiting) {
    if (current?.id !== hit.id) { step = undefined; shownAt = Date.now(); }
    // While an officer answers, only what changes the answer is drawn anew.
    const isSame = step !== undefined && current.read === hit.read && current.withdrawn === hit.withdrawn;
    current = hit;
    if (isSame) return;
    step = undefined;
    draw(waiting);
  },
  setWaiting(waiting) {
    if (!current) return;
    const old = $('stage').querySelector('.waiting');
    old?.replaceWith(waitingRow(waiting));
  },
  hide() {
    current = undefined;
    step = undefined;
    $('stage').hidden = true;
    $('stage').replaceChildren();
  },
};

function draw(waiting) {
  const hit = current;
  const s = $('stage');
  const isQuiet = hit.covert || hit.withdrawn;
  s.className = [`p${hit.priority}`, hit.covert && 'covert', hit.withdrawn && 'withdrawn'].filter(Boolean).join(' ');
  s.replaceChildren(banner(hit, isQuiet), waitingRow(waiting), h('div.body', {}, see(hit), know(hit)), act(hit));
  const wasHidden = s.hidden;
  s.hidden = false;
  if (wasHidden || !s.contains(document.activeElement)) s.focus({ preventScroll: true });
}

function banner(hit) {
  let title = `${hit.priority_word} priority: ${hit.category || 'hotlist'}`;
  let under = hit.manual ? 'Entered in the car' : hit.list;
  let sign = hit.priority_word;
  if (hit.covert) [title, sign] = [`Covert lead: ${hit.category || 'hotlist'}`, 'covert'];
  if (hit.preview && !hit.withdrawn) under += ' · early: more pictures may change it';
  if (hit.withdrawn) [title, under, sign] = ['Withdrawn: do not act on it', withdrawnWords(hit), 'undo'];
  return h('div.banner', {}, icon(sign), h('div.title', {}, title[0].toUpperCase() + title.slice(1), h('small', {}, under)),
    h('div.lead', {}, config.lead));
}

export const withdrawnWords = (hit) => hit.withdrawn_why + (hit.withdrawn_at ? `, ${clock(hit.withdrawn_at)}` : '');

function waitingRow(waiting) {
  return h('div.waiting', { hidden: waiting.length === 0 },
    h('b', {}, waiting.length === 1 ? '1 more hit waits:' : `${waiting.length} more hits wait:`),
    waiting.slice(0, 6).map((w) => h('button', { onclick: () => hooks.chosen(w.id) },
      icon(w.covert ? 'covert' : w.priority_word), ' ', h('span.plate', {}, w.read))));
}

// see is what is looked at: the plate as read over the plate as listed, place
// by place, and the pictures of the very frame.
function see(hit) {
  const n = hit.cells.length;
  const row = (side) => hit.cells.map((c) => {
    const e = h('span.plate', {}, c[side] || '–');
    if (c.differs) e.classList.add('diff');
    if (!c[side]) e.classList.add('gap');
    return e;
  });
  const compare = h('div.compare', {},
    h('span.name', {}, 'READ'), h('div.cells', { role: 'img', 'aria-label': 'Read ' + spell(hit.read) }, row('read')),
    h('span.name', {}, 'LISTED'), h('div.cells', { role: 'img', 'aria-label': 'Listed ' + spell(hit.listed) }, row('listed')));
  if (n > 8) { // ten characters still fit
    compare.style.setProperty('--cell', '42px');
    compare.style.setProperty('--cell-wide', '56px');
    compare.style.setProperty('--cell-phone', '30px');
  }
  return h('div.see', {}, compare, h('div.pictures', {},
    figure(hit, 'crop', hit.crop, 'The plate'), figure(hit, 'context', hit.context, 'The car, same picture')));
}

function figure(hit, which, has, caption) {
  const frame = h('div.frame', {});
  const none = () => frame.replaceChildren(h('span.none', {}, 'No picture'));
  frame.append(h('img', { alt: caption, src: `/api/hits/${hit.id}/${which}?rev=${hit.rev}`, onerror: none }));
  return h('figure' + (which === 'context' ? '.wide' : ''), {}, frame, h('figcaption', {}, caption));
}

function fact(cls, sign, ...words) {
  return h('div.fact.' + cls, {}, icon(sign), h('div', {}, ...words));
}

function know(hit) {
  const state = {
    match: ['ok', 'State agrees'], mismatch: ['down', 'STATE MISMATCH'], unknown: ['question', 'State unknown: check by eye'],
  }[hit.state];
  const isExact = hit.kind === 'exact' && !hit.cells.some((c) => c.differs);
  const seen = [clock(hit.at) + (hit.time_note ? ` (${hit.time_note})` : ''), hit.camera && 'camera ' + hit.camera].filter(Boolean).join(', ');
  const rows = [['Listed as', hit.given], ['Reason', hit.reason], ['Source', [hit.source, hit.case && 'case ' + hit.case].filter(Boolean).join(', ')],
    ['List', hit.list + (hit.is_stale ? '' : `, ${hit.list_age} old`)], ['VIN', hit.vin], ['Seen', seen], ['Where', hit.position]];
  return h('div.know', {},
    hit.caution && fact('caution', 'degraded', 'CAUTION: ', hit.caution),
    fact('state-' + hit.state, state[0], h('b', {}, state[1]), h('br', {}), hit.state_words),
    fact('match', isExact ? 'ok' : 'degraded', h('b', {}, hit.kind_words), h('br', {}), `${hit.likely}: ${hit.p}`),
    h('div', {}, h('span.soft', {}, 'Vehicle: '), h('span.vehicle', {}, hit.vehicle.replaceAll('-', '\u2011'))),
    hit.is_stale && fact('stale', 'degraded', `STALE LIST: ${hit.list_age} old. It may be cleared already.`),
    h('dl', {}, rows.filter(([, v]) => v).flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, v)])));
}

function act(hit) {
  const box = h('div.act', {});
  // No verdict stands out: the page must not talk an officer into one.
  const verdicts = () => {
    const row = h('div.verdicts', {}, VERDICTS.map(([verdict, sign, words]) =>
      h('button', { onclick: () => choose(box, verdict) }, icon(sign), h('span', {}, words))));
    guard(row);
    return row;
  };
  const anew = (words) => h('button', { onclick: () => box.replaceChildren(verdicts()) }, words);
  if (hit.done) {
    const d = hit.done;
    const what = [VERDICT_WORDS[d.verdict], d.corrected && 'plate is ' + d.corrected, d.action || 'action still open', d.note].filter(Boolean);
    box.append(h('div.decided', {}, h('span', {}, h('b', {}, what.join(' · ')), h('br', {}),
      h('span.soft', {}, `${d.officer}, ${clock(d.at)}`, hit.changed ? ' · CHANGED SINCE: look again' : '')),
      anew('Add action or change'), h('button.main', { onclick: () => hooks.closed() }, 'Close')));
  } else if (hit.withdrawn) {
    const row = h('div.decided', {}, h('span', {}, h('b', {}, 'This hit was taken back: do not act on it.'), h('br', {}), withdrawnWords(hit)),
      anew('Give a verdict anyway'), h('button.main', { onclick: hit.open ? seen : () => hooks.closed() }, hit.open ? 'Understood' : 'Close'));
    guard(row);
    box.append(row);
  } else {
    box.append(verdicts());
  }
  return box;
}

function guard(row) {
  const left = GUARD_MS - (Date.now() - shownAt);
  if (left <= 0) return;
  const buttons = [...row.querySelectorAll('button')];
  buttons.forEach((b) => { b.disabled = true; });
  setTimeout(() => buttons.forEach((b) => { b.disabled = false; }), left);
}

// choose is the second touch: the action taken. It records the verdict.
function choose(box, verdict) {
  step = verdict;
  const [, sign, words, question] = VERDICTS.find((v) => v[0] === verdict);
  const note = h('input', { maxLength: 1000, autocomplete: 'off', placeholder: 'Note, if there is one', 'aria-label': 'Note' });
  const corrected = h('input.plate', { maxLength: 10, autocomplete: 'off', spellcheck: false, inputMode: hasOwnKeys() ? 'text' : 'none', value: current.read, 'aria-label': 'What the plate says; empty if not known', placeholder: 'not known' });
  const problem = h('span.problem', { role: 'alert' });
  const record = (action) => send(box, { verdict, action, note: note.value, corrected: verdict === 'misread' && corrected.value !== current.read ? corrected.value : '' }, problem);
  const isMisread = verdict === 'misread';
  const later = { confirmed: 'Record, action later', dismissed: 'Dismiss' }[verdict] ?? 'Record';
  const actions = verdict === 'dismissed' ? [] : config.actions;
  // The keys of a misread leave no room for a button an action.
  const action = h('select', { 'aria-label': 'Action taken' }, h('option', { value: '' }, 'Action: none given'), actions.map((a) => h('option', { value: a }, a)));
  const main = h('button.main', { onclick: () => record(isMisread ? action.value : '') }, later);
  box.replaceChildren(h('div.step', {},
    h('div.head', {}, icon(sign), h('b', {}, `${words}. `, h('span.soft', {}, question)), problem,
      h('button', { onclick: back }, 'Back'), isMisread && main),
    h('div.fields', {}, isMisread && corrected, isMisread && action, note),
    isMisread && keys(corrected),
    !isMisread && h('div.choices', {}, main, actions.map((a) => h('button', { onclick: () => record(a) }, a)))));
  main.focus();
}

function back() {
  step = undefined;
  hooks.redraw(current.id);
}

// A phone has keys of its own; a screen in a car often has none.
const hasOwnKeys = () => matchMedia('(max-width: 720px)').matches;

function keys(input) {
  const type = (c) => () => { if (input.value.length < 10) input.value += c; };
  return h('div.keys', {}, [...KEYS].map((c) => h('button', { onclick: type(c) }, c)),
    h('button', { onclick: () => { input.value = input.value.slice(0, -1); }, 'aria-label': 'Delete the last character' }, '⌫'),
    h('button', { onclick: () => { input.value = ''; }, 'aria-label': 'Clear the plate' }, '✕'));
}

async function send(box, d, problem) {
  const buttons = [...box.querySelectorAll('button')];
  buttons.forEach((b) => { b.disabled = true; });
  try {
    const answer = await api('POST', `/api/hits/${current.id}/disposition`, { read: current.read, withdrawn: current.withdrawn, ...d });
    toast((answer?.waiting ? 'Taken, NOT YET on record (the disk takes nothing): ' : 'Recorded: ') + [VERDICT_WORDS[d.verdict], d.action].filter(Boolean).join(', '));
    hooks.closed();
  } catch (e) {
    problem.textContent = e.message;
    buttons.forEach((b) => { b.disabled = false; });
  }
}

async function seen() {
  try {
    await api('POST', `/api/hits/${current.id}/seen`);
    hooks.closed();
  } catch (e) {
    toast(e.message);
  }
}
