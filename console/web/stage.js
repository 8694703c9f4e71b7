// The stage: one hit, as large as the screen allows, with what an officer needs
// to compare it with the car ahead, and the five verdicts. All of it is drawn from
// the state in `on`; a redraw keeps focus, what was typed and the finger's button.

import { $, h, draw, icon, outside, toast, hideToast } from './dom.js';
import { api } from './api.js';
import { t, clock, spell } from './words.js';
import { fold, sinceWords, headingWords } from './logic.js';
import { silhouette } from './car.js';

// A finger that was on its way elsewhere when the hit came must not decide it.
const GUARD_MS = 800;
const CAUTION_CHARS = 150;
const REASON_CHARS = 160;
const PLATE_CHARS = 10;

const VERDICTS = [
  ['confirmed', 'ok', 'Correct plate & state', 'Plate and state verified. What did you do?'],
  ['misread', 'down', 'Misread', 'What does the plate say?'],
  ['wrong state', 'link', 'Wrong state', 'The plate is of another state. What did you do?'],
  ['not wanted', 'undo', 'Not wanted or stale', 'The list is wrong or out of date. What did you do?'],
  ['dismissed', 'question', 'Dismiss', 'Not looked at. Dismiss this hit?'],
];
const DONE_WORDS = {
  confirmed: 'Confirmed: plate and state verified', misread: 'Misread', 'wrong state': 'Wrong state',
  'not wanted': 'Not wanted or stale', dismissed: 'Dismissed, not looked at', undone: 'Answer taken back',
};
export const doneWords = (verdict) => t(DONE_WORDS[verdict] ?? verdict);
const KEYS = '1234567890QWERTYUIOPASDFGHJKLZXCVBNM';

let config = { actions: [], lead: '' };
let hooks = { closed() {}, chosen() {}, changed() {}, list() {} };
let fix; // the car's newest place
let hold = () => false; // a finger is down
let on; // what is shown: {hit, waiting, shownAt, step, corrected, note, action, problem, isSending, unfolded, answers}

export const stage = {
  get id() { return on?.hit.id; },
  get isBusy() { return on?.step !== undefined; },
  setup(c, hk, isHeld) { config = c; hooks = hk; hold = isHeld; },
  setFix(f) { fix = f; },
  show(hit, waiting) {
    if (on?.hit.id === hit.id) {
      const changed = on.hit.read !== hit.read || on.hit.withdrawn !== hit.withdrawn;
      on.hit = hit;
      on.waiting = waiting;
      if (changed && on.step !== undefined) endStep(t('This hit has just changed: look at it again.'));
    } else on = { hit, waiting, shownAt: Date.now(), note: '', corrected: '', action: '', problem: '' };
    redraw();
  },
  setWaiting(waiting) {
    if (!on) return;
    on.waiting = waiting;
    redraw();
  },
  hide() {
    on = undefined;
    $('stage').hidden = true;
    draw($('stage'));
  },
  // key acts on a key without a modifier; it says whether it did.
  key(k) {
    if (!on || Date.now() - on.shownAt < GUARD_MS) return false;
    const act = keyActions().find(([key]) => key === k);
    act?.[1]();
    return Boolean(act);
  },
  redraw,
};

setInterval(() => { if (on && !hold()) redraw(); }, 1000); // "read 12 s ago"

function redraw() {
  if (!on) return;
  const { hit } = on;
  const s = $('stage');
  s.className = [`p${hit.priority}`, hit.covert && 'covert', hit.withdrawn && 'withdrawn', on.step && 'answering', on.step === 'misread' && 'correcting'].filter(Boolean).join(' ');
  draw(s, banner(hit), waitingRow(), body(hit), act(hit));
  const wasHidden = s.hidden;
  s.hidden = false;
  const left = GUARD_MS - (Date.now() - on.shownAt);
  if (left > 0) setTimeout(redraw, left + 10);
  if (wasHidden && !isTyping()) s.focus({ preventScroll: true });
}

// isTyping says whether the keyboard is somebody's: a hit must not take it away.
export const isTyping = () => Boolean(document.activeElement?.matches('input:not([type=checkbox], [type=range]), textarea, select'));

const isGuarded = () => Date.now() - on.shownAt < GUARD_MS;
const keyMark = (k) => (config.hasKeys() ? h('kbd', {}, k) : '');

function banner(hit) {
  let title = `${t(hit.priority_word + ' priority')}: ${hit.category || t('hotlist')}`;
  let under = hit.manual ? [t('Entered in the car')] : [outside(hit.list)];
  let sign = hit.priority_word;
  if (hit.reasons.length > 1) under = [t('On {n} lists', { n: hit.reasons.length }), ': ', hit.reasons.map((r, i) => [i ? ', ' : '', outside(r.list)])];
  if (hit.covert) [title, sign] = [`${t('Covert lead')}: ${hit.category || t('hotlist')}`, 'covert'];
  if (hit.preview && !hit.withdrawn) under.push(' · ' + t('early: more pictures may change it'));
  if (hit.withdrawn) [title, under, sign] = [t('Withdrawn: do not act on it'), [withdrawnWords(hit)], 'undo'];
  return h('div.banner', {}, icon(sign), h('h2.title', {}, outside(title[0].toUpperCase() + title.slice(1)), h('small', {}, under)),
    h('div.lead', {}, config.lead));
}

export const withdrawnWords = (hit) => hit.withdrawn_why + (hit.withdrawn_at ? `, ${clock(hit.withdrawn_at)}` : '');

// waitingRow is what else there is: other hits, and what can be done beside answering.
function waitingRow() {
  const w = on.waiting;
  const more = on.step || on.hit.done || on.hit.withdrawn ? [] : extras(on.hit);
  const room = innerWidth < 720 ? 1 : innerWidth < 1200 ? 2 : 5;
  return h('div.waiting', { hidden: w.length + more.length === 0, key: 'waiting' },
    w.length > 0 && h('b', { key: 'n' }, w.length === 1 ? t('1 more hit waits') : t('{n} more hits wait', { n: w.length })),
    w.slice(0, room).map((v, i) => h('button', { key: v.id, onclick: () => hooks.chosen(v.id) },
      icon(v.priority_word), ' ', h('bdi.plate', {}, v.read), i === 0 && keyMark('W'))),
    w.length > room && h('button', { key: 'all', onclick: () => hooks.list() }, t('All {n}', { n: w.length })),
    h('span.extras', { key: 'extras' }, more));
}

function body(hit) {
  if (on.step === 'misread') return h('div.body', { key: 'body', tabindex: '0', role: 'group', 'aria-label': t('The plate') }, h('div.see', { key: 'see' }, compare(hit), pictures(hit, ['crop'])), correction(hit));
  return h('div.body', { key: 'body', tabindex: '0', role: 'group', 'aria-label': t('What is known') }, h('div.see', { key: 'see' }, compare(hit), pictures(hit, ['crop', 'context'])), know(hit));
}

// compare puts the plate as read over the plate as listed, place by place.
function compare(hit) {
  const row = (side) => hit.cells.map((c) => h('span.plate' + (c.differs ? '.diff' : '') + (c[side] ? '' : '.gap'), {}, c[side] || '–'));
  const size = hit.cells.length > 8 ? '.long' : '';
  const isSame = !hit.cells.some((c) => c.differs);
  const chars = on.unfolded?.chars;
  return h('div.compare' + size, { key: 'compare' },
    h('span.name', {}, isSame ? t('READ AND LISTED') : t('READ')), h('div.cells', { role: 'img', 'aria-label': t('Read') + ' ' + spell(hit.read) }, row('read')),
    h('button.small', { key: 'chars', 'aria-expanded': String(Boolean(chars)), 'aria-label': t('How sure each character is'), onclick: () => toggle('chars') }, '%'),
    !isSame && [h('span.name', {}, t('LISTED')), h('div.cells', { role: 'img', 'aria-label': t('Listed') + ' ' + spell(hit.listed) }, row('listed')), h('span', {})],
    chars && [h('span.name', {}, t('SURE, %')), h('div.cells.chars', {}, hit.chars.map((c) => h('span', {}, c || '–'))), h('span', {})]);
}

function pictures(hit, which) {
  const captions = { crop: t('The plate'), context: t('The car, same picture') };
  return h('div.pictures', { key: 'pictures' }, which.map((w) => h('figure.' + w, { key: w },
    h('div.frame', {}, on.missing?.[w + hit.rev] ? h('span.none', { key: 'none' }, t('No picture on record'))
      : h('img', { key: 'img', alt: captions[w], src: `/api/hits/${hit.id}/${w}?rev=${hit.rev}`, onerror: () => noPicture(hit, w) })),
    h('figcaption', {}, captions[w]))));
}

// noPicture asks why: a session that is over opens the log-in, whatever noticed it first.
function noPicture(hit, which) {
  on.missing = { ...on.missing, [which + hit.rev]: true };
  api('GET', '/api/session').catch(() => {});
  redraw();
}

function fact(cls, sign, ...words) {
  return h('div.fact.' + cls, { key: cls }, icon(sign), h('div', {}, ...words));
}

// folded shows the beginning of a long text, and all of it when asked.
function folded(key, text, limit) {
  const [head, rest] = fold(text, limit);
  if (!rest) return outside(text);
  const isAll = on.unfolded?.[key];
  return [outside(isAll ? text : head + '…'), ' ', h('button.small', { key: 'fold', 'aria-expanded': String(Boolean(isAll)), onclick: () => toggle(key) }, isAll ? t('Less') : t('All of it'))];
}

function toggle(key) {
  on.unfolded = { ...on.unfolded, [key]: !on.unfolded?.[key] };
  redraw();
}

const STATE_WORDS = { match: ['ok', 'State agrees'], mismatch: ['down', 'STATE MISMATCH'], unknown: ['question', 'State unknown: check by eye'] };

function know(hit) {
  const [sign, head] = STATE_WORDS[hit.state] ?? STATE_WORDS.unknown;
  const isExact = hit.kind === 'exact' && !hit.cells.some((c) => c.differs);
  return h('div.know', { key: 'know' },
    hit.reasons.filter((r) => r.caution).map((r, i) => fact('caution.n' + i, 'degraded', t('CAUTION') + ': ', folded('caution' + i, r.caution, CAUTION_CHARS))),
    fact('state-' + hit.state, sign, h('b', {}, t(head)), h('br', {}), hit.state_words),
    fact('match', isExact ? 'ok' : 'degraded', h('b', {}, hit.kind_words), h('br', {}), `${hit.likely}: ${hit.p}`),
    h('div.expected', { key: 'expected' }, silhouette(hit.car), h('div', {}, h('span.soft.spoken', {}, t('Vehicle listed')), h('span.vehicle', {}, outside(hit.vehicle.replaceAll('-', '\u2011'))))),
    hit.reasons.map((r, i) => reason(hit, r, i)),
    whereRows(hit));
}

function reason(hit, r, i) {
  const source = [r.source, r.case && t('case') + ' ' + r.case].filter(Boolean).join(', ');
  const isFirst = i === 0;
  return [r.is_stale && fact('stale.n' + i, 'degraded', t('STALE LIST: {age} old. It may be cleared already.', { age: r.list_age })),
    h('dl', { key: 'reason' + i }, [
      isFirst ? hit.given && ['Listed as', outside(hit.given)] : ['Also', [outside(r.category), ' (', t(r.priority_word), ')']],
      r.reason && ['Reason', folded('reason' + i, r.reason, REASON_CHARS)], source && ['Source', outside(source)],
      ['List', [outside(r.list), r.is_stale ? '' : t(', {age} old', { age: r.list_age })]], r.vin && ['VIN', outside(r.vin)],
    ].filter(Boolean).map(([k, v]) => [h('dt', {}, t(k)), h('dd', {}, v)]))];
}

function whereRows(hit) {
  const seen = clock(hit.at) + (hit.time_note ? ` (${hit.time_note})` : '');
  const rows = [['When', [seen, ': ', sinceWords(hit, fix, Date.now())]], ['Where', [hit.position, headingWords(hit.place) && ', ' + headingWords(hit.place), hit.camera && [', ', t('Camera').toLowerCase(), ' ', outside(hit.camera)]]]];
  return h('dl', { key: 'where' }, rows.filter(Boolean).map(([k, v]) => [h('dt', {}, t(k)), h('dd', {}, v)]));
}

// --- answering --------------------------------------------------------------

function act(hit) {
  if (on.step) return stepRow(hit);
  if (hit.done && !on.isAnew) return doneRow(hit);
  if (hit.withdrawn && !on.isAnew) return withdrawnRow(hit);
  // No verdict stands out: the page must not talk an officer into one.
  return h('div.act', { key: 'act' }, h('div.verdicts', { key: 'verdicts' }, VERDICTS.map(([verdict, sign, words], i) => h('button', { key: verdict, disabled: isGuarded(), onclick: () => choose(hit.id, verdict) },
    icon(sign), h('span', {}, t(words)), keyMark(i + 1)))));
}

// extras are what else can be done with an open hit.
function extras(hit) {
  const isQuiet = Date.parse(hit.quiet_until) > Date.now();
  return [hit.sound === 'high' && h('button.small', { key: 'quiet', disabled: isQuiet, onclick: () => quieten(hit) }, icon('mute'), isQuiet ? t('Quiet until {at}', { at: clock(hit.quiet_until) }) : t('Quiet for 2 minutes'), !isQuiet && keyMark('Z')),
    h('button.small', { key: 'copy', onclick: () => copy(hit) }, t('Copy for dispatch'), keyMark('C'))];
}

function doneRow(hit) {
  const d = hit.done;
  return h('div.act', { key: 'act' }, h('div.decided', { key: 'done' }, h('span', {}, h('b', {}, doneWords(d.verdict), d.corrected && [' · ', t('plate is {plate}', { plate: d.corrected })], ' · ', d.action ? outside(d.action) : t('action still open'), d.note && [' · ', outside(d.note)]), h('br', {}),
    h('span.soft', {}, outside(d.officer), `, ${clock(d.at)}`, hit.changed && ' · ' + t('CHANGED SINCE: look again'))),
  h('button', { onclick: anew }, t('Add action or change'), keyMark('A')), h('button.main', { onclick: () => hooks.closed() }, t('Close'), keyMark('Esc'))));
}

function withdrawnRow(hit) {
  return h('div.act', { key: 'act' }, h('div.decided', { key: 'withdrawn' }, h('span', {}, h('b', {}, t('This hit was taken back: do not act on it.')), h('br', {}), withdrawnWords(hit)),
    h('button', { disabled: isGuarded(), onclick: anew }, t('Give a verdict anyway'), keyMark('A')),
    h('button.main', { disabled: isGuarded(), onclick: hit.open ? seen : () => hooks.closed() }, hit.open ? t('Understood') : t('Close'), keyMark('Enter'))));
}

function anew() {
  on.isAnew = true;
  redraw();
}

function choose(id, verdict) {
  if (on?.hit.id !== id || isGuarded()) return;
  Object.assign(on, { step: verdict, corrected: on.hit.read, note: '', action: '', problem: '', isSending: false });
  hooks.changed();
  redraw();
  const to = verdict === 'misread' && !isTouch() ? 'corrected' : 'record';
  $(to)?.focus({ preventScroll: true });
}

function endStep(problem = '') {
  on.step = undefined;
  on.problem = problem;
  hooks.changed();
  if (problem) toast(problem);
  $('stage').focus({ preventScroll: true });
}

function back() {
  endStep();
  redraw();
}

// stepRow is the second touch: the action taken. It records the verdict.
function stepRow() {
  const [, sign, words, question] = VERDICTS.find((v) => v[0] === on.step);
  const isMisread = on.step === 'misread';
  const actions = on.step === 'dismissed' ? [] : config.actions;
  const main = { confirmed: 'Record, action later', dismissed: 'Dismiss' }[on.step] ?? 'Record';
  const note = h('input', { key: 'note', id: 'note', maxlength: 1000, autocomplete: 'off', placeholder: t('Note, if there is one'), 'aria-label': t('Note'), value: on.note, oninput: (e) => { on.note = e.target.value; } });
  const mainButton = h('button.main', { key: 'main', id: 'record', disabled: on.isSending, onclick: () => send(isMisread ? on.action : '') }, t(main), keyMark('Enter'));
  return h('div.act', { key: 'act' }, h('div.step', { key: 'step' },
    h('div.head', {}, icon(sign), h('b', {}, t(words) + '. ', h('span.soft', {}, t(question))), h('span.problem', { role: 'alert' }, on.problem),
      h('button', { onclick: back }, t('Back'), keyMark('Esc')), isMisread && mainButton),
    !isMisread && h('div.choices', {}, mainButton, actions.map((a, i) => h('button', { key: a, disabled: on.isSending, onclick: () => send(a) }, outside(t(a)), i < 9 && keyMark(i + 1)))),
    h('div.fields', {}, isMisread && h('select', { key: 'action', 'aria-label': t('Action taken'), value: on.action, onchange: (e) => { on.action = e.target.value; } },
      h('option', { value: '' }, t('Action: none given')), actions.map((a) => h('option', { value: a, key: a }, t(a)))), note)));
}

const isTouch = () => matchMedia('(pointer: coarse)').matches;

// correction stands beside the picture of the plate, which must be read for it.
function correction() {
  const type = (c) => () => { if (on.corrected.length < PLATE_CHARS) setCorrected(on.corrected + c); };
  return h('div.correct', { key: 'correct' },
    h('input.plate', { id: 'corrected', key: 'input', maxlength: PLATE_CHARS, autocomplete: 'off', spellcheck: 'false', inputmode: isTouch() && innerWidth > 720 ? 'none' : 'text', value: on.corrected, 'aria-label': t('What the plate says; empty if not known'), placeholder: t('not known'), oninput: (e) => { on.corrected = e.target.value; } }),
    h('div.keys', { key: 'keys' }, [...KEYS].map((c) => h('button', { key: c, onclick: type(c) }, c)),
      h('button', { key: 'back', onclick: () => setCorrected(on.corrected.slice(0, -1)), 'aria-label': t('Delete the last character') }, '⌫'),
      h('button', { key: 'clear', onclick: () => setCorrected(''), 'aria-label': t('Clear the plate') }, '✕')));
}

function setCorrected(v) {
  on.corrected = v;
  redraw();
}

async function send(action) {
  const { hit, step, note, corrected } = on;
  on.isSending = true;
  redraw();
  let answer;
  try {
    answer = await api('POST', `/api/hits/${hit.id}/disposition`, { read: hit.read, withdrawn: hit.withdrawn, verdict: step, action, note, corrected: step === 'misread' && corrected.toUpperCase() !== hit.read ? corrected : '' });
  } catch (e) {
    if (on?.hit.id === hit.id) Object.assign(on, { problem: e.message, isSending: false });
    redraw();
    return;
  }
  offerUndo(hit.id, [doneWords(step), action && t(action)].filter(Boolean).join(', '), answer.waiting);
  if (on?.hit.id === hit.id) hooks.closed();
}

let undoable; // the hit that was just answered

function offerUndo(id, words, isWaiting) {
  undoable = { id, until: Date.now() + 10000 };
  toast(isWaiting ? t('Taken, NOT YET on record (the disk takes nothing): {what}', { what: words }) : t('Recorded: {what}', { what: words }), h('button', { onclick: undo }, icon('undo'), ' ', t('Undo'), keyMark('U')));
}

// undo takes the answer back, which is recorded too; the hit waits again.
export async function undo() {
  if (!undoable || Date.now() > undoable.until) return false;
  const { id } = undoable;
  undoable = undefined;
  hideToast();
  try {
    await api('POST', `/api/hits/${id}/undo`);
    hooks.undone(id);
  } catch (e) {
    toast(e.message);
  }
  return true;
}

async function seen() {
  try {
    await api('POST', `/api/hits/${on.hit.id}/seen`);
    hooks.closed();
  } catch (e) {
    toast(e.message);
  }
}

async function quieten(hit) {
  await api('POST', `/api/hits/${hit.id}/quiet`).catch((e) => toast(e.message));
}

// copy gives dispatch what it asks for in one go, and says what a hit is.
async function copy(hit) {
  const lines = [`${config.lead}.`, `${t('Plate')}: ${hit.read} (${hit.state_words})`, `${t('Listed')}: ${hit.listed}; ${hit.kind_words}`,
    ...hit.reasons.map((r) => [r.category, r.reason, r.list, r.case, r.caution && t('CAUTION') + ' ' + r.caution].filter(Boolean).join('; ')),
    `${t('Vehicle listed')}: ${hit.vehicle}`, `${t('Read')}: ${new Date(hit.at).toISOString()} ${hit.position}`];
  try {
    await navigator.clipboard.writeText(lines.join('\n'));
    toast(t('Copied'));
  } catch {
    toast(t('The browser does not let this page copy.'));
  }
}

// keyActions are the keys that act now, each shown on its button.
function keyActions() {
  const { hit } = on;
  if (on.step) {
    const actions = on.step === 'dismissed' || on.step === 'misread' ? [] : config.actions.slice(0, 9);
    return [['Escape', back], ['Enter', () => send(on.step === 'misread' ? on.action : '')], ['n', () => $('note')?.focus()], ...actions.map((a, i) => [String(i + 1), () => send(a)])];
  }
  const next = on.waiting[0] ? [['w', () => hooks.chosen(on.waiting[0].id)]] : [];
  if (hit.done && !on.isAnew) return [['a', anew], ['Escape', () => hooks.closed()], ...next];
  if (hit.withdrawn && !on.isAnew) return [['a', anew], ['Enter', hit.open ? seen : () => hooks.closed()], ['Escape', () => hooks.put()], ...next];
  const quiet = hit.sound === 'high' ? [['z', () => quieten(hit)]] : [];
  return [...VERDICTS.map(([verdict], i) => [String(i + 1), () => choose(hit.id, verdict)]), ['c', () => copy(hit)], ['Escape', () => hooks.put()], ...quiet, ...next];
}

