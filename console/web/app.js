// The page: log-in and lock, the stream of events, who may take the stage, and
// what every key does. The panels, the stage and the gate draw themselves.

import { $, h, draw, icon, outside, plateText, store, toast, hideToast } from './dom.js';
import { api, sentence, setToken } from './api.js';
import { t, clock, saidOf, setWords, spell } from './words.js';
import * as emergency from './emergency.js';
import { heardHit, heardStatus } from './heard.js';
import { caseOrder, nextOnStage, repeats, soundOf, Sounded, waiting } from './logic.js';
import { gate } from './gate.js';
import { hasKeys, listen as listenKeys } from './keys.js';
import { applyTheme } from './night.js';
import { sound } from './sound.js';
import { doneWords, isTyping, stage, undo } from './stage.js';
import { entriesPanel, forgetFound, lookupPanel, readSheet, setupPanels, shiftPanel, systemPanel } from './panels.js';

const SILENCE_MS = 12000; // the reader speaks at least every 5 s
const REPEAT_MS = 15000; // a high priority sounds again so often until it is answered
const TYPING_MS = 15000; // so long after the last key a field still keeps the stage away
const MAX_FEED = 40;
const PANELS = ['home', 'lookup', 'entries', 'shift', 'system'];
const PANEL_KEYS = { h: 'home', l: 'lookup', p: 'entries', t: 'shift', s: 'system' };

let session;
let source; // of events
let heardAt = 0;
let isLost = false;
let isReplaced = false; // newer pages of this session show the alerts
let status;
let panel = 'home';
let overflow = 0;
let typedAt = 0;
let pressedAt = 0; // a finger is down: nothing moves under it
let soundedAt = 0; // the last high priority
const putAway = new Set(); // open hits that the officer sent back to the list
const reads = new Map(); // by id, oldest first
const hits = new Map(); // by id, oldest first
const sounded = new Sounded(JSON.parse(sessionStorage.getItem('sounded') ?? '[]'));

// --- the finger -------------------------------------------------------------

const isHeld = () => pressedAt > 0 && Date.now() - pressedAt < 2000;
let wantsRedraw = false;

// refresh draws what the hits changed, at once, or when the finger is up.
function refresh() {
  if (isHeld()) {
    wantsRedraw = true;
    return;
  }
  wantsRedraw = false;
  if (!session || gate.isShut) return;
  drawFeed();
  drawCases();
  takeStage();
}

addEventListener('pointerdown', () => { pressedAt = Date.now(); }, true);
for (const ev of ['pointerup', 'pointercancel']) {
  addEventListener(ev, () => setTimeout(() => { // the click comes first
    pressedAt = 0;
    if (wantsRedraw) refresh();
  }, 0), true);
}
setInterval(() => { if (wantsRedraw && !isHeld()) refresh(); }, 500);

// --- login and lock -------------------------------------------------------

async function start() {
  applyTheme(status);
  try {
    const w = await (await fetch('/api/words')).json();
    setWords(w);
    document.documentElement.lang = w.language;
    enter(await api('GET', '/api/session'));
  } catch (e) {
    if (e.code === 401) gate.clearMessage(); // what kept everybody out is mended
    if (e.code !== 401) {
      shut('login', sentence(e.message));
      setTimeout(start, 3000);
    }
  }
}

function enter(s) {
  if (session && session.officer !== s.officer) { // another officer sees nothing of the last one's
    location.reload();
    return;
  }
  session = saidOf(s, ['lead']);
  setToken(s.token);
  stage.setup({ ...s, hasKeys }, { closed: closeStage, chosen: openHit, changed: drawRail, list: putStageAway, put: putStageAway, undone: showAgain }, isHeld);
  setupPanels(s);
  draw($('who'), s.is_demo && h('span.demo', {}, 'DEMO'), ' ', outside(s.full || s.officer));
  for (const p of PANELS) $('nav-' + p).hidden = isTechnician() && p !== 'system';
  $('nav-entries').hidden ||= !s.has_entries;
  if (isTechnician()) panel = 'system';
  labels();
  if (s.is_locked) shut('locked');
  else if (gate.isShut || $('app').hidden) {
    gate.open();
    show(panel);
  }
  listen();
}

const isTechnician = () => session?.role === 'technician'; // he sees how the system does, and no plates

function labels() {
  for (const [id, words] of [['rail', 'Console'], ['parts', 'System status'], ['home', 'Reads and hits'], ['lookup', 'Look up past reads'], ['entries', 'Entries made in this car'], ['shift', 'This shift'], ['system', 'System'], ['stage', 'Hit'], ['feed', 'Reads'], ['cases', 'Hits'], ['sheet', 'A read']]) $(id).setAttribute('aria-label', t(words));
  draw($('feed-title'), t('Reads'));
  draw($('cases-title'), t('Hits'));
  draw($('strip-lock'), icon('lock'), hasKeys() && h('kbd', {}, 'K'));
  $('strip-lock').setAttribute('aria-label', t('Lock the console'));
}

// shut asks for the officer. What past reads showed goes; drafts wait for him.
function shut(kind, message = '') {
  const isNew = gate.kind !== kind;
  gate.shut(kind, session, message);
  if (!isNew) return;
  reads.clear();
  hits.clear();
  putAway.clear();
  stage.hide();
  $('hitbar').hidden = true;
  hideToast();
  if ($('sheet').open) $('sheet').close();
  draw($('feed'));
  draw($('cases'));
  if (session) forgetFound();
  if (kind === 'login') watch();
}

async function logout() {
  await api('POST', '/api/logout').catch(() => {});
  location.reload();
}

gate.setup({ entered: enter, other: logout });
addEventListener('alpr-gate', (e) => {
  if (e.detail === 401) shut('login', session && gate.kind !== 'login' ? t('Your session has ended') + '.' : '');
  else shut('locked');
});

// --- events ---------------------------------------------------------------

// open listens to a stream. The browser reconnects by itself and says which event
// it saw last; only a refusal needs a new start.
function open(path, events, refused) {
  source?.close();
  heardAt = Date.now();
  const s = new EventSource(path);
  source = s;
  for (const [kind, f] of Object.entries(events)) s.addEventListener(kind, (e) => { heard(); f(JSON.parse(e.data)); });
  s.onerror = () => {
    if (s === source && s.readyState === EventSource.CLOSED) refused();
  };
}

function listen() {
  open('/api/events', {
    snapshot: takeSnapshot, read: (r) => { takeRead(r); later(drawFeed); }, hit: takeHit, alert: takeAlerts,
    status: (s) => { status = heardStatus(s); takeStatus(); },
    locked: () => shut('locked'), ended: () => shut('login', t('Your session has ended') + '.'),
    replaced: () => { source.close(); isReplaced = true; drawNotices(); },
  }, () => setTimeout(start, 2000));
}

// watch hears alerts while nobody is logged in, where the agency lets it.
function watch() {
  open('/api/watch', { alert: takeAlerts, status: (s) => sound.setState(s.mute_until, s.speaker) },
    () => { gate.say(t('Nobody is logged in: this page shows and sounds NO alerts.')); source = undefined; });
}

function heard() {
  heardAt = Date.now();
  if (!isLost) return;
  isLost = false;
  gate.say('');
  drawNotices();
}

setInterval(() => {
  if (!source || isReplaced || Date.now() - heardAt < SILENCE_MS) return;
  if (!isLost) {
    isLost = true;
    sound.play('lost');
    gate.say(lostWords());
    drawNotices();
  }
  if (source.readyState === EventSource.OPEN) (gate.kind === 'login' ? watch : listen)(); // half open: nothing comes and nothing fails
}, 2000);
const lostWords = () => t('NO CONTACT WITH THE PLATE READER: no alerts until it is back. Trying again.');

function takeSnapshot(s) {
  reads.clear();
  hits.clear();
  overflow = s.overflow;
  s.reads.forEach(takeRead);
  for (const v of s.hits) hits.set(v.id, heardHit(v));
  for (const v of hits.values()) ring(v);
  if (stage.id && !hits.has(stage.id)) stage.hide();
  refresh();
}

function takeRead(r) {
  r.shown = reads.get(r.id)?.shown ?? Date.now();
  reads.set(r.id, r);
  if (reads.size > MAX_FEED) reads.delete(reads.keys().next().value);
}

function takeHit(v) {
  heardHit(v);
  const old = hits.get(v.id);
  if (old && (old.read !== v.read || old.withdrawn !== v.withdrawn)) putAway.delete(v.id);
  hits.set(v.id, v);
  ring(v);
  refresh();
}

// ring makes the sound of a hit, once, and of its withdrawal, once.
function ring(v) {
  const kind = soundOf(v);
  if (v.covert || !v.open || !sounded.isNew(v)) return;
  sessionStorage.setItem('sounded', JSON.stringify(sounded.list()));
  play(kind);
  draw($('spoken'), v.withdrawn ? t('Hit on {plate} withdrawn. Do not act on it. {why}.', { plate: spell(v.read), why: v.withdrawn_why })
    : t('{priority}, {category}, plate {plate}. {lead}.', { priority: t(v.priority_word + ' priority'), category: v.category, plate: spell(v.read), lead: session.lead }));
}

function play(kind) {
  if (kind === 'high') soundedAt = Date.now();
  if (kind) sound.play(kind);
}

// A page at the gate learns what the agency lets it.
let gateKnown = [];
function takeAlerts(news) {
  const list = Array.isArray(news) ? news : [news];
  if (!list[0]?.id) return;
  for (const a of list) saidOf(a, ['lead', 'state', 'category', 'withdrawn_why']);
  gateKnown = Array.isArray(news) ? list : [...gateKnown.filter((a) => a.id !== news.id), news];
  for (const a of list) {
    if (!a.open || !sounded.isNew(a)) continue;
    sessionStorage.setItem('sounded', JSON.stringify(sounded.list()));
    play(soundOf(a));
  }
  gate.take(news);
}

// A high priority sounds until somebody answers, here or at the gate.
setInterval(() => {
  if (Date.now() - soundedAt < REPEAT_MS) return;
  const all = gate.isShut ? gateKnown : [...hits.values()];
  if (repeats(all, Date.now()).length) play('high');
}, 1000);

// --- the stage ------------------------------------------------------------

const openHits = () => [...hits.values()].filter((v) => v.open);
const waits = (id) => waiting(hits.values(), id);
const isBusyTyping = () => isTyping() && !$('stage').contains(document.activeElement) && Date.now() - typedAt < TYPING_MS;

// takeStage brings the most urgent open hit forward. While somebody types it is a
// bar above, which takes no keys; the stage comes when the field is left.
function takeStage() {
  const shown = hits.get(stage.id);
  if (stage.id && !shown) stage.hide();
  const next = nextOnStage([...hits.values()].filter((v) => !putAway.has(v.id)), shown, stage.isBusy);
  const isBar = next && isBusyTyping();
  drawHitbar(isBar ? next : undefined);
  if (next && !isBar) {
    if ($('sheet').open) $('sheet').close();
    stage.show(next, waits(next.id));
  } else if (shown) stage.show(shown, waits(shown.id));
  drawNotices();
  drawRail();
}

function drawHitbar(v) {
  const bar = $('hitbar');
  bar.hidden = !v;
  bar.className = v ? 'p' + v.priority : '';
  const cautions = v?.reasons.map((r) => r.caution).filter(Boolean).join('; ');
  draw(bar, v && [icon(v.priority_word), h('div', {}, h('b', {}, t(v.priority_word + ' priority').toUpperCase(), ': ', outside(v.category)), ' ', h('bdi.plate', {}, v.read), ' ', outside(v.reasons[0].reason),
    cautions && h('div.strong', {}, t('CAUTION') + ': ', outside(cautions)), h('div', {}, session.lead)),
  h('button', { onclick: () => openHit(v.id) }, t('Show it'), h('kbd', {}, 'F2'))]);
}

addEventListener('input', () => { typedAt = Date.now(); }, true);
addEventListener('focusout', () => setTimeout(() => { if (!$('hitbar').hidden && !isTyping()) refresh(); }, 300));
setInterval(() => { if (!$('hitbar').hidden && !isBusyTyping()) refresh(); }, 1000);

function openHit(id) {
  if (!hits.has(id)) return;
  putAway.delete(id);
  $('hitbar').hidden = true;
  if (!$('stage').contains(document.activeElement)) document.activeElement?.blur();
  stage.show(hits.get(id), waits(id));
  drawRail();
}

// closeStage puts away a hit that was just answered. The event that says so may
// still be on its way: until then the hit must not come back.
function closeStage() {
  const answered = hits.get(stage.id);
  if (answered) answered.open = false;
  stage.hide();
  refresh();
}

// putStageAway sends the hit back to the list, unanswered, and shows the list.
function putStageAway() {
  if (stage.id) putAway.add(stage.id);
  stage.hide();
  for (const v of openHits()) putAway.add(v.id);
  show('home');
}

function showAgain(id) {
  putAway.delete(id);
  if (hits.has(id)) openHit(id);
}

// --- drawing --------------------------------------------------------------

// The feed is drawn at most twice a second, however many cars pass.
const pending = new Map();
function later(f) {
  if (pending.has(f)) return;
  pending.set(f, setTimeout(() => { pending.delete(f); if (isHeld()) wantsRedraw = true; else f(); }, 500));
}
const kbd = (k) => hasKeys() && h('kbd', {}, k);

function drawFeed() {
  if (!session || gate.isShut) return;
  const until = Date.now() - (status ?? session).reads_for_s * 1000;
  for (const [id, r] of reads) if (r.shown < until) reads.delete(id);
  const rows = [...reads.values()].reverse();
  draw($('feed'), rows.map((r) => h('li', { key: r.id }, h('button', { onclick: () => readSheet(r) }, plateText(r.text, r.weak),
    h('span.more', {}, h('b', {}, r.region ? r.region.replace('US-', '') : t('state ?')), ` · ${r.preview ? t('reading') : t('sure') + ' ' + r.p}`,
      h('br', {}), clock(r.at), r.has_fix ? '' : ' · ' + t('no position'))))),
  rows.length === 0 && h('li.empty', { key: 'empty' }, (status ?? session).reads_for_s > 0 ? t('No plate read in the last minutes.') : t('Reads on no list are not kept, and not shown.')));
  draw($('feed-note'), rows.some((r) => r.weak?.length) && t('dotted: not seen well'));
}
setInterval(() => { if (!isHeld()) drawFeed(); }, 15000);

function drawCases() {
  const rows = [...hits.values()].sort(caseOrder);
  draw($('cases'), rows.map((v) => {
    const cls = [`p${v.priority}`, v.covert && 'covert', !v.open && 'closed'].filter(Boolean).join('.');
    return h('li', { key: v.id }, h('button.' + cls, { onclick: () => openHit(v.id) },
      icon(v.withdrawn ? 'undo' : v.covert ? 'covert' : v.priority_word),
      h('bdi.plate', {}, v.read), h('span', {}), h('span.what' + (v.open ? '.is-open' : ''), {}, caseWords(v))));
  }),
  rows.length === 0 && h('li.empty', { key: 'empty' }, t('No hit.')),
  overflow > 0 && h('li.empty', { key: 'more' }, t('{n} older open hits are on record and not shown.', { n: overflow })));
}

function caseWords(v) {
  if (v.withdrawn && !v.done) return t('WITHDRAWN: do not act on it') + ' · ' + v.withdrawn_why;
  const head = v.done ? [doneWords(v.done.verdict), v.done.action || t('action open')] : [t('VERIFY'), v.category];
  return [...head, v.reasons.length > 1 && t('On {n} lists', { n: v.reasons.length }), v.changed && t('CHANGED SINCE'), clock(v.at)].filter(Boolean).map((w, i) => [i ? ' · ' : '', outside(w)]);
}
const LEVEL_WORDS = { ok: 'works', degraded: 'not as it should', down: 'does not work' };

function takeStatus() {
  sound.setState(status.mute_until, status.speaker);
  stage.setFix(status.fix);
  applyTheme(status);
  if (gate.isShut) return;
  drawStatus();
}

function drawStatus() {
  draw($('parts'), status.parts.map((p) => h('li.' + p.level, { key: p.id },
    icon(p.level), h('span', {}, t(p.name), h(p.id === 'hotlist' ? 'span' : 'span.brief', {}, ' ', outside(p.brief))), h('span.spoken', {}, t(LEVEL_WORDS[p.level])))));
  draw($('precision'), status.precision.words);
  if (panel === 'system' && !isHeld()) systemPanel(status, settings());
  drawNotices();
  drawRail();
}

function drawNotices() {
  const rows = [];
  if (isReplaced) rows.push(h('button.lost', { key: 'replaced', onclick: () => location.reload() }, icon('down'), t('NO ALERTS HERE: this page is open too often, the newest ones show them. Touch to show them here.')));
  else if (isLost) rows.push(h('div.lost', { key: 'lost' }, icon('down'), lostWords()));
  if (isTechnician()) rows.push(h('div', { key: 'technician' }, icon('covert'), t('A technician\'s page: it shows and sounds no alerts.')));
  const e = status?.emergency;
  if (e?.is_on) rows.push(h('div.emergency', { key: 'emergency' }, icon('emergency'), h('span', {}, t('EMERGENCY SHARING IS ON since {at} ({who}). Hold the button to end it.', { at: clock(e.since), who: e.officer }))));
  if (sound.isBlocked) rows.push(h('button', { key: 'blocked', onclick: () => sound.open() }, icon('mute'), t('The browser keeps sound off until you touch the page. Touch here.')));
  const problems = status?.problems ?? [];
  const room = stage.id || innerHeight < 480 ? 1 : 3; // a hit needs the screen
  const more = problems.length - room;
  problems.slice(0, room).forEach((p, i) => { rows.push(h('div', { key: 'p' + i }, icon('degraded'), h('span', {}, outside(p), more > 0 && i === room - 1 && ' ' + t('({n} more under System)', { n: more })))); });
  draw($('notices'), rows);
}

function drawRail() {
  if (!session) return;
  const set = (id, sign, words, key, count) => draw($(id), icon(sign), h('span', {}, words), kbd(key), count ? h('span.count', {}, String(count)) : '');
  set('nav-home', 'home', t('Alerts'), 'H', openHits().length);
  set('nav-lookup', 'lookup', t('Look up'), 'L');
  set('nav-entries', 'entries', t('Add plate'), 'P');
  set('nav-shift', 'shift', t('Shift'), 'T');
  set('nav-system', 'system', t('System'), 'S', status?.problems.length);
  set('nav-sound', sound.isMuted || sound.isBlocked ? 'mute' : 'sound', sound.isMuted ? t('Muted to {at}', { at: clock(sound.mutedUntil).slice(0, 5) }) : sound.isBlocked ? t('No sound') : t('Sound'), 'M');
  $('nav-sound').setAttribute('aria-pressed', String(sound.isMuted));
  $('nav-sound').title = t('High priority sounds even when muted');
  for (const p of PANELS) $('nav-' + p).setAttribute('aria-pressed', String(p === panel && !stage.id));
  const e = status?.emergency;
  $('nav-emergency').hidden = !e;
  $('nav-emergency').classList.toggle('on', Boolean(e?.is_on));
  if (!emergency.isHeldDown()) draw($('nav-emergency'), h('span.fill', {}), icon('emergency'), h('span', {}, e?.is_on ? t('Hold to end') : t('Hold: help')));
}

// --- panels, theme, sound, emergency --------------------------------------

const OPENERS = { home: refresh, lookup: lookupPanel, entries: entriesPanel, shift: shiftPanel, system: () => { if (status) systemPanel(status, settings()); } };

function show(name) {
  panel = name;
  for (const p of PANELS) $(p).hidden = p !== name;
  OPENERS[name]();
  drawRail();
}

// go opens a panel; an open hit on the stage waits in the list meanwhile.
function go(name) {
  if (stage.isBusy || $('nav-' + name).hidden) return;
  if (stage.id) for (const v of openHits()) putAway.add(v.id);
  else if (name === 'home' && panel === 'home') putAway.clear(); // back to the hits
  stage.hide();
  show(name);
}

// settings are what the System panel offers beside the state of the parts.
function settings() {
  const again = () => { applyTheme(status); labels(); drawRail(); systemPanel(status, settings()); };
  return { theme: store.get('theme', 'auto'), setTheme: (v) => { store.set('theme', v); again(); }, redraw: again, logout };
}

// toggleMute is for ten minutes, and ends by itself. High priority still sounds.
async function toggleMute() {
  sound.open();
  if (sound.isBlocked && !sound.isMuted) return;
  try {
    const m = await api('POST', '/api/mute', { minutes: sound.isMuted ? 0 : 10 });
    sound.setState(m.mute_until, sound.hasSpeaker);
    toast(sound.isMuted ? t('Muted until {at}. High priority still sounds.', { at: clock(sound.mutedUntil) }) : t('Sound on'));
    drawRail();
  } catch (e) {
    toast(e.message);
  }
}

const lock = () => api('POST', '/api/lock').then(() => { shut('locked'); listen(); }).catch((e) => toast(e.message));

function onKey(k, isInField) {
  if (gate.isShut) return false;
  if ($('sheet').open) return false; // Esc closes it by itself
  if (k === 'F2' && !$('hitbar').hidden) return openHit(nextOnStage(hits.values(), hits.get(stage.id), false)?.id) ?? true;
  if (isInField && !$('stage').contains(document.activeElement)) {
    if (k === 'Escape') document.activeElement.blur();
    return k === 'Escape';
  }
  if (stage.key(k)) return true;
  if (stage.isBusy) return false;
  if (k === 'Escape') return go('home') ?? true;
  if (k === 'u') return undo() && true;
  if (k === 'm') return toggleMute() && true;
  if (k === 'k') return lock() && true;
  if (k === 'w' && waits(stage.id)[0]) return openHit(waits(stage.id)[0].id) ?? true;
  if (PANEL_KEYS[k] && !$('nav-' + PANEL_KEYS[k]).hidden) return go(PANEL_KEYS[k]) ?? true;
  return false;
}

for (const p of PANELS) $('nav-' + p).onclick = () => go(p);
$('nav-sound').onclick = toggleMute;
$('strip-lock').onclick = lock;
emergency.setup(() => status.emergency.is_on, drawRail);
listenKeys(onKey);

// The session stays open while the officer uses the page.
let touchedAt = Date.now();
for (const ev of ['pointerdown', 'keydown']) {
  addEventListener(ev, () => {
    if (sound.isBlocked) sound.open();
    if (!session || gate.isShut || Date.now() - touchedAt < 30000) return;
    touchedAt = Date.now();
    api('POST', '/api/touch').catch(() => {});
  });
}

addEventListener('resize', () => { if (session && !gate.isShut) stage.redraw(); });
sound.watch(() => { if (session && !gate.isShut) { drawNotices(); drawRail(); } });
sound.open();
start();
