// The panels beside the alerts: look-up, entries made in the car, the shift, the
// system, and the sheet of one read. Whatever shows the past asks for a purpose
// first. What was typed is kept in drafts, over a hit, a lock and another panel.

import { $, h, draw, icon, outside, plateText, store, toast } from './dom.js';
import { api, sentence } from './api.js';
import { t, clock, said, saidOf } from './words.js';
import { sound } from './sound.js';
import { hasKeys } from './keys.js';
import { mapFrame } from './logic.js';

let session;
const why = { purpose: '', case: '' }; // asked once a shift, shown and changeable every time
const lookup = { plate: '', problem: '', found: undefined };
const blank = () => ({ plate: '', reason: '', case: why.case, hours: '', state: '', category: session?.categories[0], priority: '2', caution: '', colour: '', make: '', model: '', year: '', covert: false });
const entry = { draft: undefined, problem: '', rows: undefined, trouble: '', removing: undefined, removeWhy: '', isWide: false };
let shift;

export function setupPanels(s) {
  session = s;
  entry.draft ??= blank();
}

// forgetFound puts away what past reads show; drafts stay.
export function forgetFound() {
  lookup.found = undefined;
  entry.rows = undefined;
  shift = undefined;
  for (const id of ['lookup', 'entries', 'shift', 'system']) draw($(id));
}

const field = (words, input, cls = '') => h('label' + cls, { key: words }, h('span', {}, t(words)), input);
const bound = (o, k, props = {}) => h('input', { autocomplete: 'off', maxlength: 120, value: o[k], oninput: (e) => { o[k] = e.target.value; }, ...props });
const choice = (o, k, options) => h('select', { value: o[k], onchange: (e) => { o[k] = e.target.value; } }, options.map(([v, words]) => h('option', { value: v, key: v }, words)));
const asBoundPlate = (o, redraw) => h('input.plate', { autocomplete: 'off', maxlength: 24, required: true, spellcheck: 'false', value: o.plate, oninput: (e) => { o.plate = e.target.value; redraw?.(); } });

// purposeFields asks why. The agency's own reasons are a touch each.
function purposeFields(redraw) {
  return h('div.form.wide', { key: 'why' },
    h('div.wide', {}, h('div.pick', {}, session.purposes.map((p) => h('button', { key: p, 'aria-pressed': String(why.purpose === p), onclick: () => { why.purpose = p; redraw(); } }, outside(t(p)))))),
    field('Purpose (goes into the audit log)', bound(why, 'purpose', { maxlength: 200, required: true })), field('Case number, if there is one', bound(why, 'case')));
}

const reasonGiven = () => ({ purpose: why.purpose.trim(), case: why.case.trim() });

export function lookupPanel() {
  const submit = async (ev) => {
    ev.preventDefault();
    Object.assign(lookup, { problem: '', found: undefined });
    try {
      lookup.found = await api('POST', '/api/lookup', { plate: lookup.plate, ...reasonGiven() });
    } catch (e) {
      lookup.problem = sentence(e.message);
    }
    lookupPanel();
  };
  const f = lookup.found;
  draw($('lookup'), h('h1', {}, t('Look up past reads'), ' ', h('small', {}, t('only what retention has left; every look-up is audited'))),
    h('form.form', { onsubmit: submit }, field('Plate; ? for one character not seen, * for any number', asBoundPlate(lookup)), purposeFields(lookupPanel), h('p.problem.wide', { role: 'alert' }, lookup.problem),
      h('button.main.wide', { type: 'submit' }, t('Look up'))),
    f && h('h2', {}, t('On the lists now')), f && h('ul.rows', {}, f.listed.length ? f.listed.map(listedRow) : h('li', {}, t('No list in this car names this plate.'))),
    f && h('h2', {}, t('Read before')), f && h('ol.rows', {}, f.reads.map(foundRow), f.reads.length === 0 && h('li', {}, t('This plate is not among the reads kept in this car.')), f.is_more && h('li', {}, t('Only the newest are shown.'))));
}

const foundRow = (r) => h('li', { key: r.id }, plateText(r.text, r.weak),
  h('span', {}, [clock(r.at), r.region, t('sure') + ' ' + said(r.p), r.position].filter(Boolean).join(' · ')),
  h('button', { onclick: () => readSheet(r) }, t('Open')));

const listedRow = (e) => h('li', { key: e.list + e.plate + e.reason }, h('bdi.plate', {}, e.plate), h('span', {}, [e.state, e.category, e.reason, e.list, e.caution && t('CAUTION') + ' ' + e.caution].filter(Boolean).map((x, i) => [i ? ' · ' : '', outside(x)])), '');

const sheet = { read: undefined, problem: '', pictures: undefined, listed: undefined };

// readSheet shows one read. "Is it listed?" takes one touch; its pictures are
// those of somebody who is on no list, and need a purpose.
export function readSheet(r) {
  Object.assign(sheet, { read: r, problem: '', pictures: undefined, listed: undefined });
  const d = $('sheet');
  d.onclose = () => { for (const p of sheet.pictures ?? []) if (p.url) URL.revokeObjectURL(p.url); sheet.pictures = undefined; draw(d); };
  drawSheet();
  d.showModal();
}

function drawSheet() {
  const { read: r } = sheet;
  const d = $('sheet');
  draw(d, h('div.head', {}, h('h2', {}, plateText(r.text, r.weak)), h('button', { onclick: isListed }, t('Is this plate listed?')), h('button', { onclick: () => d.close() }, t('Close'))),
    sheet.listed && h('ul.rows', { role: 'status' }, sheet.listed.length ? sheet.listed.map(listedRow) : h('li', {}, t('No list in this car names this plate.'))),
    h('p', {}, [r.region || t('state not read'), t('sure') + ' ' + said(r.p), clock(r.at)].join(' · '), r.camera && [' · ', t('Camera'), ' ', outside(r.camera)]),
    h('p.soft', {}, r.position),
    !sheet.pictures && h('div', { key: 'ask' }, purposeFields(drawSheet), h('p.problem', { role: 'alert' }, sheet.problem), h('button.main', { onclick: showPictures }, t('Show the pictures'))),
    sheet.pictures && h('div.pictures', { key: 'pictures' }, sheet.pictures.map((p) => h('figure.' + p.which, { key: p.which }, h('div.frame', {}, p.url ? h('img', { src: p.url, alt: t(p.caption) }) : h('span.none', {}, t('No picture on record'))), h('figcaption', {}, t(p.caption))))));
}

async function isListed() {
  try {
    sheet.listed = (await api('POST', '/api/listed', { plate: sheet.read.text })).listed;
  } catch (e) {
    sheet.problem = sentence(e.message);
  }
  if ($('sheet').open) drawSheet();
}

async function showPictures() {
  const { read } = sheet;
  const found = [];
  sheet.problem = '';
  try {
    for (const [which, caption] of [['crop', 'The plate'], ['context', 'The car, same picture']]) {
      const blob = await api('POST', `/api/reads/${read.id}/picture`, { which, ...reasonGiven() }).catch((e) => { if (e.code !== 404) throw e; });
      found.push({ which, caption, url: blob && URL.createObjectURL(blob) });
    }
    sheet.pictures = found;
  } catch (e) {
    sheet.problem = sentence(e.message);
  }
  if ($('sheet').open) drawSheet();
}

export function entriesPanel() {
  drawEntries();
  fill();
}

function drawEntries() {
  const d = entry.draft;
  const submit = async (ev) => {
    ev.preventDefault();
    entry.problem = '';
    try {
      const made = await api('POST', '/api/entries', { ...d, priority: Number(d.priority), hours: Number(d.hours) || 0 });
      toast(made.seen ? t('Added: {plate}. It was read {n} times before: see Look up.', { plate: made.plate, n: made.seen }) : t('Added: {plate}', { plate: made.plate }));
      entry.draft = blank();
    } catch (e) {
      entry.problem = sentence(e.message);
    }
    entriesPanel();
  };
  const isAllowed = session.may_add;
  draw($('entries'), h('h1', {}, t('Add a plate to this car\'s list'), ' ', h('small', {}, isAllowed ? t('plate, reason and case number are needed; it is audited') : t('Your role does not allow it.'))),
    isAllowed && h('form.form', { key: 'form', onsubmit: submit },
      field('Plate', asBoundPlate(d)), field('Reason', bound(d, 'reason', { required: true })), field('Case number', bound(d, 'case', { required: true })),
      field('Expires after hours; empty: with the shift', bound(d, 'hours', { type: 'number', inputmode: 'numeric', min: '1', max: String(session.entry_hours), placeholder: t('{n} hours', { n: session.shift_hours }) })),
      h('details.wide', { key: 'more' }, h('summary', {}, t('More: state, priority, vehicle, caution, covert')), h('div.form', {},
        field('State', choice(d, 'state', [['', t('not known')], ...session.regions.map((r) => [r, r])])), field('Category', choice(d, 'category', session.categories.map((c) => [c, t(c)]))),
        field('Priority', choice(d, 'priority', [['3', t('high')], ['2', t('normal')], ['1', t('low')]])), field('Caution', bound(d, 'caution')),
        field('Colour', bound(d, 'colour')), field('Make', bound(d, 'make')), field('Model', bound(d, 'model')), field('Year', bound(d, 'year')),
        h('label.check.wide', {}, h('input', { type: 'checkbox', checked: d.covert, onchange: (e) => { d.covert = e.target.checked; } }), h('span', {}, t('Covert: no sound, and no alert on the screen until you open it'))))),
      h('p.problem.wide', { role: 'alert' }, entry.problem), h('button.main.wide', { type: 'submit' }, t('Add'))),
    h('h2', {}, t('On this car\'s list')), h('ol.rows', { key: 'rows' }, entry.trouble && h('li.problem', {}, entry.trouble), entry.rows?.map(entryRow), entry.rows?.length === 0 && h('li', {}, t('Nothing.'))));
}

// asGiven is how an entry was written where the reader reads it otherwise.
const asGiven = (e) => (e.given && e.given.toUpperCase().replace(/[\s-]/g, '') !== e.plate ? t('entered as {given}', { given: e.given }) : '');

async function fill() {
  try {
    entry.rows = (await api('GET', '/api/entries')).entries;
    entry.trouble = '';
  } catch (e) {
    entry.trouble = sentence(e.message);
  }
  if (!$('entries').hidden) drawEntries();
}

function entryRow(e) {
  const words = [asGiven(e), e.state, t(e.category), e.reason, t('case') + ' ' + e.case, e.vehicle, t('until {at}', { at: clock(e.expires) }), t('by {who}', { who: e.source })].filter(Boolean);
  if (entry.removing !== e.id) {
    return h('li', { key: e.id }, h('bdi.plate', {}, e.plate), h('span', {}, words.map((w, i) => [i ? ' · ' : '', outside(w)])),
      e.may_remove ? h('button', { onclick: () => { Object.assign(entry, { removing: e.id, removeWhy: '', trouble: '' }); drawEntries(); $('remove-why')?.focus(); } }, t('Take off')) : '');
  }
  const remove = async () => {
    try {
      await api('POST', '/api/entries/remove', { id: e.id, reason: entry.removeWhy.trim() });
      toast(t('Taken off: {plate}', { plate: e.plate }));
      entry.removing = undefined;
    } catch (err) {
      entry.trouble = sentence(err.message);
      drawEntries();
      return;
    }
    fill();
  };
  return h('li', { key: e.id }, h('bdi.plate', {}, e.plate), h('label', {}, h('span', {}, t('Why is it taken off?')), bound(entry, 'removeWhy', { id: 'remove-why' })),
    h('button.main', { onclick: remove }, t('Take off')));
}

// shiftPanel is a map without tiles: where this shift's car drove, and its hits.
export async function shiftPanel() {
  drawShift();
  try {
    shift = saidOf(await api('GET', '/api/shift'), ['words']);
    for (const x of shift.hits) saidOf(x, ['words', 'category']);
  } catch (e) {
    shift = { problem: sentence(e.message) };
  }
  if (!$('shift').hidden) drawShift();
}

const MAP = 600;

function drawShift() {
  const s = shift;
  const frame = s?.track && mapFrame([...s.track, ...s.hits.filter((x) => x.place).map((x) => x.place)], MAP);
  draw($('shift'), h('h1', {}, t('This shift')), s?.problem && h('p.problem', {}, s.problem), s?.words && h('p', {}, s.words),
    frame && h('div.map', {}, shiftMap(s, frame)),
    s?.hits && h('ol.rows', {}, s.hits.map((x, i) => h('li', { key: x.id }, h('bdi.plate', {}, `${i + 1}. ${x.read}`), h('span', {}, [clock(x.at), ' · ', outside(x.category), ' · ', x.words]), '')), s.hits.length === 0 && h('li', {}, t('No hit yet.'))));
}

function shiftMap(s, f) {
  const line = s.track.map((p) => f.at(p).map((v) => v.toFixed(1)).join(',')).join(' ');
  const last = s.track.at(-1);
  const [x, y] = last ? f.at(last) : [0, 0];
  const bar = f.bar * f.scale;
  return h('svg.plan', { viewBox: `0 0 ${MAP} ${MAP}`, role: 'img', 'aria-label': t('Map of this shift: the way driven and {n} hits', { n: s.hits.length }) },
    h('polyline', { points: line, class: 'track' }),
    s.hits.map((hit, i) => hit.place && [hit, i]).filter(Boolean).map(([hit, i]) => { const [hx, hy] = f.at(hit.place); return h('g', { class: `spot p${hit.priority}`, key: hit.id }, h('circle', { cx: hx, cy: hy, r: 15 }), h('text', { x: hx, y: hy + 6 }, String(i + 1))); }),
    last && h('path', { class: 'here', d: 'M0 -16 L10 12 L0 6 L-10 12 Z', transform: `translate(${x} ${y}) rotate(${last.course || 0})` }),
    h('path', { class: 'bar', d: `M20 ${MAP - 24} v8 h${bar} v-8` }), h('text', { class: 'legend', x: 24, y: MAP - 30 }, f.bar >= 1000 ? `${f.bar / 1000} km` : `${f.bar} m`),
    h('path', { class: 'bar', d: `M${MAP - 30} 52 V20 m-7 9 l7 -9 l7 9` }), h('text', { class: 'legend', x: MAP - 37, y: 74 }, t('N')));
}

export function systemPanel(status, settings) {
  const p = status.precision;
  const volume = h('input', { key: 'volume', type: 'range', min: '0', max: '1', step: '0.05', value: String(sound.volume), 'aria-label': t('Volume'), oninput: (e) => sound.setVolume(Number(e.target.value)), onchange: () => sound.play('low', true) });
  const theme = (name, words) => h('button', { key: name, 'aria-pressed': String(settings.theme === name), onclick: () => settings.setTheme(name) }, t(words));
  draw($('system'), h('h1', {}, t('System')),
    h('ol.rows.parts.group', { key: 'parts' }, status.parts.map((x) => h('li.' + x.level, { key: x.id }, icon(x.level), h('b', {}, t(x.name)), h('span', {}, outside(x.brief), x.detail && [h('br', {}), outside(x.detail)])))),
    h('p.group', {}, [t('Pictures taken {taken}, skipped {skipped}', { taken: status.frames, skipped: status.dropped }), status.reads >= 0 ? t('reads on record {n}', { n: status.reads }) : t('reads on record not counted yet'), status.retention].filter(Boolean).join(' · ')),
    h('p.group', {}, `${p.words}. ` + t('Misread {misread}, wrong state {state}, not wanted or stale {stale}.', { misread: p.misread, state: p.wrong_state, stale: p.not_wanted })),
    h('div.group.form', { key: 'set' }, field('Volume of this page (high priority is never under half)', volume),
      h('div', {}, h('span.soft', {}, t('Try the sounds')), h('div.pick', {}, [['low', 'Low'], ['normal', 'Normal'], ['high', 'High'], ['withdrawn', 'Withdrawn']].map(([k, w]) => h('button', { key: k, onclick: () => sound.play(k, true) }, t(w))))),
      h('div', {}, h('span.soft', {}, t('Screen')), h('div.pick', {}, theme('auto', 'By the sun'), theme('day', 'Day'), theme('night', 'Night'))),
      h('label.check', { key: 'keys' }, h('input', { type: 'checkbox', checked: hasKeys(), onchange: (e) => { store.set('keys', e.target.checked); settings.redraw(); } }), h('span', {}, t('One key an action')))),
    h('button', { key: 'out', onclick: settings.logout }, t('Log out')));
}
