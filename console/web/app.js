// The page: login and lock, the stream of events, the feed of reads, the list
// of hits, and who may take the stage.

import { $, h, icon, api, setToken, store, clock, plateText, spell, toast } from './dom.js';
import { sound } from './sound.js';
import { stage, VERDICT_WORDS } from './stage.js';
import { lookupPanel, entriesPanel, systemPanel, readSheet, setupPanels } from './panels.js';

const SILENCE_MS = 12000; // the reader speaks at least every 5 s
const MAX_FEED = 40;

let session;
let source; // of events
let heardAt = 0;
let isLost = false;
let isReplaced = false; // newer pages of this session show the alerts
let status;
let panel = 'home';
let overflow = 0;
const reads = new Map(); // by id, oldest first
const hits = new Map(); // by id, oldest first
const emergency = { timer: 0 };

// Which hits have sounded is remembered over a reload, so that none sounds
// twice and none is left out.
const sounded = new Set(JSON.parse(sessionStorage.getItem('sounded') ?? '[]'));
function remember(key) {
  sounded.add(key);
  sessionStorage.setItem('sounded', JSON.stringify([...sounded].slice(-300)));
}

// --- login and lock -------------------------------------------------------

async function start() {
  applyTheme();
  try {
    enter(await api('GET', '/api/session'));
  } catch (e) {
    if (e.code === 401) {
      $('gate').querySelector('.problem')?.replaceChildren(); // what kept everybody out is mended
      gate('login');
    } else {
      gate('login', e.message[0].toUpperCase() + e.message.slice(1));
      setTimeout(start, 3000);
    }
  }
}

function enter(s) {
  session = s;
  setToken(s.token);
  stage.setup(s, { closed: closeStage, chosen: openHit, redraw: (id) => stage.show(hits.get(id), waiting()) });
  setupPanels(s);
  $('who').replaceChildren(...[s.is_demo && h('span.demo', {}, 'DEMO'), ' ' + (s.full || s.officer)].filter(Boolean));
  $('nav-entries').hidden = !s.has_entries;
  if (s.is_locked) gate('locked');
  else ungate();
  listen();
}

function gate(kind, message = '') {
  if ($('gate').dataset.kind === kind && !message) return;
  const isLocked = kind === 'locked';
  clearAll();
  if (!isLocked) source?.close();
  const name = h('input', { autocomplete: 'username', autocapitalize: 'none', spellcheck: false, required: true });
  const pass = h('input', { type: 'password', autocomplete: 'current-password', required: true });
  const problem = h('p.problem', { role: 'alert' }, message);
  const submit = async (ev) => {
    ev.preventDefault();
    sound.open();
    try {
      const s = isLocked ? await api('POST', '/api/unlock', { password: pass.value })
        : await api('POST', '/api/login', { name: name.value.trim(), password: pass.value });
      enter(s);
    } catch (e) {
      problem.textContent = e.message[0].toUpperCase() + e.message.slice(1) + '.';
      pass.value = '';
      pass.focus();
    }
  };
  $('gate').replaceChildren(h('form', { onsubmit: submit },
    h('h1', {}, icon(isLocked ? 'lock' : 'home'), isLocked ? ' Console locked' : ' Plate reader'),
    isLocked ? h('p', {}, session.full || session.officer, h('input', { autocomplete: 'username', value: session.officer, hidden: true })) : h('label', {}, h('span', {}, 'Officer'), name),
    h('label', {}, h('span', {}, 'Password'), pass), problem,
    h('button.main', { type: 'submit' }, isLocked ? 'Unlock' : 'Log in'),
    isLocked && h('button', { onclick: logout }, 'Log in as another officer'),
    h('p.waiting-hit', { hidden: true, role: 'alert' })));
  $('gate').dataset.kind = kind;
  $('gate').hidden = false;
  $('app').hidden = true;
  (isLocked ? pass : name).focus();
}

function ungate() {
  delete $('gate').dataset.kind;
  $('gate').hidden = true;
  $('gate').replaceChildren();
  $('app').hidden = false;
}

async function logout() {
  await api('POST', '/api/logout').catch(() => {});
  location.reload();
}

function clearAll() {
  reads.clear();
  hits.clear();
  stage.hide();
  $('sheet').open && $('sheet').close();
  for (const id of ['feed', 'cases', 'lookup', 'entries', 'system']) $(id).replaceChildren();
}

addEventListener('alpr-gate', (e) => gate(e.detail === 423 ? 'locked' : 'login'));

// --- events ---------------------------------------------------------------

// listen opens the stream. The browser reconnects by itself and says which
// event it saw last; only a refusal needs a new start.
function listen() {
  source?.close();
  heardAt = Date.now();
  source = new EventSource('/api/events');
  const on = (kind, f) => source.addEventListener(kind, (e) => { heard(); f(JSON.parse(e.data)); });
  on('snapshot', takeSnapshot);
  on('read', (r) => { takeRead(r); later(drawFeed); });
  on('hit', takeHit);
  on('status', (s) => { status = s; drawStatus(); });
  on('alert', takeAlert);
  on('locked', () => gate('locked'));
  on('ended', () => gate('login', 'Your session has ended'));
  on('replaced', () => { source.close(); isReplaced = true; drawNotices(); });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(start, 2000);
  };
}

function heard() {
  heardAt = Date.now();
  if (isLost) {
    isLost = false;
    drawNotices();
  }
}

setInterval(() => {
  if (!session || isReplaced || Date.now() - heardAt < SILENCE_MS) return;
  if (!isLost) {
    isLost = true;
    sound.play('lost');
    drawNotices();
  }
  if (source.readyState === EventSource.OPEN) listen(); // half open: nothing comes and nothing fails
}, 2000);

function takeSnapshot(s) {
  reads.clear();
  hits.clear();
  overflow = s.overflow;
  s.reads.forEach(takeRead);
  for (const v of s.hits) hits.set(v.id, v);
  for (const v of hits.values()) alertOf(v);
  drawFeed();
  drawCases();
  if (stage.id && hits.has(stage.id)) stage.show(hits.get(stage.id), waiting());
  else stage.hide();
  nextOnStage();
}

function takeRead(r) {
  r.shown = reads.get(r.id)?.shown ?? Date.now();
  reads.set(r.id, r);
  if (reads.size > MAX_FEED) reads.delete(reads.keys().next().value);
}

function takeHit(v) {
  hits.set(v.id, v);
  alertOf(v);
  drawCases();
  if (stage.id === v.id) stage.show(v, waiting());
  else nextOnStage();
}

// alertOf makes the sound of a hit, once, and of its withdrawal, once. A covert
// hit makes none.
function alertOf(v) {
  const key = v.id + (v.withdrawn ? ' withdrawn' : '');
  sounded.delete(v.id + (v.withdrawn ? '' : ' withdrawn')); // raised again, it sounds again
  if (v.covert || !v.open || sounded.has(key)) return;
  remember(key);
  sound.play(v.withdrawn ? 'withdrawn' : v.priority);
  $('spoken').textContent = v.withdrawn ? `Hit on ${spell(v.read)} withdrawn. Do not act on it. ${v.withdrawn_why}.`
    : `${v.priority_word} priority hit, ${v.category}, plate ${spell(v.read)}. ${v.lead}.`;
}

// A locked page learns that there is a hit, not which.
function takeAlert(a) {
  const box = $('gate').querySelector('.waiting-hit');
  if (!a.id || !box) return;
  const key = a.id + (a.withdrawn ? ' withdrawn' : '');
  if (!sounded.has(key)) {
    remember(key);
    sound.play(a.withdrawn ? 'withdrawn' : a.priority);
  }
  const lines = a.withdrawn ? ['A hit was withdrawn. Do not act on it.', a.withdrawn_why] : [`Hit, ${a.priority_word} priority.`, a.lead];
  box.replaceChildren(icon(a.withdrawn ? 'undo' : a.priority_word), lines.filter(Boolean).join(' '), ...(a.plate ? [
    h('br', {}), h('b.plate', {}, a.plate), ' ', [a.category, a.reason].filter(Boolean).join(': '),
    ...(a.caution && !a.withdrawn ? [h('br', {}), h('b', {}, 'CAUTION: ' + a.caution)] : []), h('br', {}), a.state, h('br', {})] : [' ']), 'Unlock to see it and to answer.');
  box.hidden = false;
}

// --- the stage ------------------------------------------------------------

const open = () => [...hits.values()].filter((v) => v.open);
const urgency = (a, b) => b.priority - a.priority || Date.parse(a.at) - Date.parse(b.at);
const waiting = () => open().filter((v) => v.id !== stage.id && !v.covert).sort(urgency);

// nextOnStage brings the most urgent open hit forward. It never takes the place
// of one that is being answered, nor of one at least as urgent; a covert one
// comes only when the officer touches it.
function nextOnStage() {
  const next = waiting()[0];
  const shown = stage.id && hits.get(stage.id);
  if (next && !stage.isBusy && (!shown || !shown.open || next.priority > shown.priority)) {
    $('sheet').open && $('sheet').close();
    stage.show(next, waiting().filter((v) => v.id !== next.id));
  } else stage.setWaiting(waiting());
  drawNotices();
  drawRail();
}

function openHit(id) {
  show('home');
  stage.show(hits.get(id), open().filter((v) => v.id !== id && !v.covert).sort(urgency));
}

// closeStage puts away a hit that was just answered. The event that says so may
// still be on its way: until then the hit must not come back.
function closeStage() {
  const answered = hits.get(stage.id);
  if (answered) answered.open = false;
  stage.hide();
  nextOnStage();
}

// --- drawing --------------------------------------------------------------

// The feed is drawn at most twice a second, however many cars pass.
const pending = new Map();
function later(f) {
  if (pending.has(f)) return;
  pending.set(f, setTimeout(() => { pending.delete(f); f(); }, 500));
}

function drawFeed() {
  const until = Date.now() - (status ?? session).reads_for_s * 1000;
  for (const [id, r] of reads) if (r.shown < until) reads.delete(id);
  const rows = [...reads.values()].reverse();
  $('feed').replaceChildren(...rows.map((r) => h('li', {}, h('button', { onclick: () => readSheet(r) },
    plateText(r.text, r.weak),
    h('span.more', {}, h('b', {}, r.region ? r.region.replace('US-', '') : 'state ?'), ` · ${r.preview ? 'reading' : 'sure ' + r.p}`,
      h('br', {}), clock(r.at), r.has_fix ? '' : ' · no position')))));
  if (rows.length === 0) $('feed').append(h('li.empty', {}, (status ?? session).reads_for_s > 0 ? 'No plate read in the last minutes.' : 'Reads on no list are not kept, and not shown.'));
  $('feed-note').textContent = rows.some((r) => r.weak?.length) ? 'dotted: not seen well' : '';
}
setInterval(() => session && !$('app').hidden && drawFeed(), 15000);

function drawCases() {
  const rows = [...hits.values()].sort((a, b) => b.open - a.open || (a.open ? urgency(a, b) : Date.parse(b.at) - Date.parse(a.at)));
  $('cases').replaceChildren(...rows.map((v) => {
    const cls = [`p${v.priority}`, v.covert && 'covert', !v.open && 'closed'].filter(Boolean).join('.');
    return h('li', {}, h('button.' + cls, { onclick: () => openHit(v.id) },
      icon(v.withdrawn ? 'undo' : v.covert ? 'covert' : v.priority_word),
      h('span.plate', {}, v.read), h('span', {}), h('span.what' + (v.open ? '.is-open' : ''), {}, caseWords(v))));
  }));
  if (rows.length === 0) $('cases').append(h('li.empty', {}, 'No hit.'));
  if (overflow) $('cases').append(h('li.empty', {}, `${overflow} older open hits are on record and not shown.`));
}

function caseWords(v) {
  if (v.withdrawn && !v.done) return 'WITHDRAWN: do not act on it · ' + v.withdrawn_why;
  const head = v.done ? [VERDICT_WORDS[v.done.verdict], v.done.action || 'action open'] : ['VERIFY', v.category];
  return [...head, v.changed && 'CHANGED SINCE', clock(v.at)].filter(Boolean).join(' · ');
}

function drawStatus() {
  const words = { ok: 'works', degraded: 'not as it should', down: 'does not work' };
  $('parts').replaceChildren(...status.parts.map((p) => h('li.' + p.level, { title: p.detail ?? '' },
    icon(p.level), h('span', {}, p.name, h(p.name === 'Hotlist' ? 'span' : 'span.brief', {}, ' ' + p.brief)), h('span', { hidden: true }, words[p.level]))));
  $('precision').textContent = status.precision.words;
  if (status.night !== null || store.get('theme', 'auto') === 'auto') applyTheme();
  if (panel === 'system') systemPanel(status, settings());
  drawNotices();
  drawRail();
}

function drawNotices() {
  const rows = [];
  if (isReplaced) rows.push(h('button.lost', { onclick: () => location.reload() }, icon('down'), 'NO ALERTS HERE: this page is open too often, the newest ones show them. Touch to show them here.'));
  else if (isLost) rows.push(h('div.lost', {}, icon('down'), 'NO CONTACT WITH THE PLATE READER: no alerts until it is back. Trying again.'));
  const e = status?.emergency;
  if (e?.is_on) rows.push(h('div.emergency', {}, icon('emergency'), `EMERGENCY SHARING IS ON since ${clock(e.since)} (${e.officer}). Hold the button to end it.`));
  if (sound.isBlocked) rows.push(h('button', { onclick: () => sound.open() }, icon('mute'), 'The browser keeps sound off until you touch the page. Touch here.'));
  const problems = status?.problems ?? [];
  const room = stage.id ? 1 : 3; // a hit needs the screen
  const more = problems.length - room;
  problems.slice(0, room).forEach((p, i) => rows.push(h('div', {}, icon('degraded'),
    h('span', {}, p, more > 0 && i === room - 1 ? ` (${more} more under System)` : ''))));
  $('notices').replaceChildren(...rows);
}

function drawRail() {
  const set = (id, sign, words, count) => $(id).replaceChildren(...[icon(sign), h('span', {}, words), count ? h('span.count', {}, String(count)) : ''].filter(Boolean));
  set('nav-home', 'home', 'Alerts', open().length);
  set('nav-lookup', 'lookup', 'Look up');
  set('nav-entries', 'entries', 'Add plate');
  set('nav-system', 'system', 'System', status?.problems.length);
  set('nav-sound', sound.isMuted || sound.isBlocked ? 'mute' : 'sound', sound.isMuted ? 'Muted' : sound.isBlocked ? 'No sound' : 'Sound');
  $('nav-sound').setAttribute('aria-pressed', sound.isMuted);
  $('nav-sound').title = 'High priority sounds even when muted';
  const e = status?.emergency;
  $('nav-emergency').hidden = !e;
  $('nav-emergency').classList.toggle('on', Boolean(e?.is_on));
  if (!emergency.timer) $('nav-emergency').replaceChildren(h('span.fill', {}), icon('emergency'), h('span', {}, e?.is_on ? 'Hold to end' : 'Hold: help'));
  $('strip-lock').replaceChildren(icon('lock'));
  $('strip-lock').setAttribute('aria-label', 'Lock the console');
}

// --- panels, theme, sound, emergency --------------------------------------

function show(name) {
  panel = name;
  for (const p of ['home', 'lookup', 'entries', 'system']) {
    $(p).hidden = p !== name;
    $('nav-' + p).setAttribute('aria-pressed', p === name);
  }
  if (name === 'lookup') lookupPanel();
  if (name === 'entries') entriesPanel();
  if (name === 'system' && status) systemPanel(status, settings());
}

// settings are what the System panel offers beside the state of the parts.
function settings() {
  return {
    theme: store.get('theme', 'auto'),
    setTheme: (t) => { store.set('theme', t); applyTheme(); systemPanel(status, settings()); },
    logout,
  };
}

// applyTheme follows the sun where GPS tells where the car is, otherwise the
// computer's own setting.
function applyTheme() {
  let theme = store.get('theme', 'auto');
  if (theme === 'auto') {
    const isNight = status?.night ?? matchMedia('(prefers-color-scheme: dark)').matches;
    theme = isNight ? 'night' : 'day';
  }
  document.documentElement.dataset.theme = theme;
}

function holdEmergency(ev) {
  if (emergency.timer || ev.repeat || ev.type === 'keydown' && ev.key !== 'Enter' && ev.key !== ' ') return;
  const began = Date.now();
  const fill = $('nav-emergency').querySelector('.fill');
  emergency.timer = setInterval(async () => {
    const share = (Date.now() - began) / 1500;
    fill.style.width = Math.min(100, share * 100) + '%';
    if (share < 1) return;
    releaseEmergency();
    try {
      await api('POST', '/api/emergency', { on: !status.emergency.is_on });
    } catch (e) {
      toast(e.message);
    }
  }, 50);
}

function releaseEmergency() {
  clearInterval(emergency.timer);
  emergency.timer = 0;
  drawRail();
}

for (const p of ['home', 'lookup', 'entries', 'system']) {
  $('nav-' + p).onclick = () => {
    if (stage.id && !stage.isBusy) stage.hide();
    show(p);
    drawRail();
  };
}
$('nav-home').onclick = () => { // back to the reads, or from there to the next hit
  const wasOnStage = Boolean(stage.id);
  if (stage.isBusy) return;
  if (wasOnStage || panel !== 'home') stage.hide();
  show('home');
  if (!wasOnStage) nextOnStage();
  drawRail();
};
$('nav-sound').onclick = () => {
  if (sound.isBlocked) sound.open();
  else {
    sound.setMuted(!sound.isMuted);
    toast(sound.isMuted ? 'Muted. High priority still sounds.' : 'Sound on');
    if (!sound.isMuted) sound.play(1);
  }
};
$('strip-lock').onclick = () => api('POST', '/api/lock').then(() => { gate('locked'); listen(); }).catch((e) => toast(e.message));
for (const ev of ['pointerdown', 'keydown']) $('nav-emergency').addEventListener(ev, holdEmergency);
for (const ev of ['pointerup', 'pointerleave', 'pointercancel', 'keyup', 'blur']) $('nav-emergency').addEventListener(ev, releaseEmergency);
$('nav-emergency').oncontextmenu = (ev) => ev.preventDefault();

// The session stays open while the officer uses the page.
let touchedAt = Date.now();
for (const ev of ['pointerdown', 'keydown']) {
  addEventListener(ev, () => {
    if (sound.isBlocked) sound.open();
    if (!session || $('app').hidden || Date.now() - touchedAt < 30000) return;
    touchedAt = Date.now();
    api('POST', '/api/touch').catch(() => {});
  });
}

sound.watch(() => { drawNotices(); drawRail(); });
sound.open();
start();
