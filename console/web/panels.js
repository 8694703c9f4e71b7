// The panels beside the alerts: look-up, entries made in the car, the system,
// and the sheet of one read. Whatever shows the past asks for a purpose first.

import { $, h, icon, api, clock, plateText, toast } from './dom.js';
import { sound } from './sound.js';

let session;
const kept = { purpose: '', case: '' }; // asked once a shift, shown and changeable every time

export function setupPanels(s) { session = s; }

const field = (words, input, cls = '') => h('label' + cls, {}, h('span', {}, words), input);

// purposeFields asks why. The agency's own reasons are a touch each.
function purposeFields() {
  const purpose = h('input', { maxLength: 200, required: true, value: kept.purpose, autocomplete: 'off' });
  const caseNumber = h('input', { maxLength: 120, value: kept.case, autocomplete: 'off' });
  const box = h('div.form.wide', {},
    h('div.wide', {}, h('div.pick', {}, session.purposes.map((p) => h('button', { onclick: () => { purpose.value = p; } }, p)))),
    field('Purpose (goes into the audit log)', purpose), field('Case number, if there is one', caseNumber));
  return { box, read: () => { [kept.purpose, kept.case] = [purpose.value.trim(), caseNumber.value.trim()]; return { ...kept }; } };
}

export function lookupPanel() {
  const plate = h('input.plate', { maxLength: 24, required: true, autocomplete: 'off', spellcheck: false });
  const why = purposeFields();
  const problem = h('p.problem.wide', { role: 'alert' });
  const found = h('ol.rows', {});
  const submit = async (ev) => {
    ev.preventDefault();
    problem.textContent = '';
    found.replaceChildren();
    try {
      const v = await api('POST', '/api/lookup', { plate: plate.value, ...why.read() });
      found.replaceChildren(...v.reads.map(foundRow));
      if (v.reads.length === 0) found.append(h('li', {}, 'This plate is not among the reads kept in this car.'));
      if (v.is_more) found.append(h('li', {}, 'Only the newest are shown.'));
    } catch (e) {
      problem.textContent = e.message;
    }
  };
  $('lookup').replaceChildren(h('h1', {}, 'Look up past reads ', h('small', {}, 'only what retention has left; every look-up is audited')),
    h('form.form', { onsubmit: submit }, field('Plate, complete', plate), why.box, problem,
      h('button.main.wide', { type: 'submit' }, 'Look up')), found);
}

function foundRow(r) {
  return h('li', {}, plateText(r.text, r.weak),
    h('span', {}, [clock(r.at), r.region, 'sure ' + r.p, r.position].filter(Boolean).join(' · ')),
    h('button', { onclick: () => readSheet(r) }, 'Open'));
}

// readSheet shows one read. Its pictures are those of somebody who is on no
// list: they need a purpose.
export function readSheet(r) {
  const d = $('sheet');
  const why = purposeFields();
  const problem = h('p.problem', { role: 'alert' });
  const pictures = h('div.pictures', { hidden: true });
  const urls = [];
  const look = async () => {
    problem.textContent = '';
    try {
      for (const [which, caption, cls] of [['crop', 'The plate', ''], ['context', 'The car, same picture', '.wide']]) {
        const blob = await api('POST', `/api/reads/${r.id}/picture`, { which, ...why.read() }).catch((e) => { if (e.code !== 404) throw e; });
        const url = blob && URL.createObjectURL(blob);
        url && urls.push(url);
        pictures.append(h('figure' + cls, {}, h('div.frame', {}, url ? h('img', { src: url, alt: caption }) : h('span.none', {}, 'No picture on record')), h('figcaption', {}, caption)));
      }
      pictures.hidden = false;
      form.hidden = true;
    } catch (e) {
      pictures.replaceChildren();
      problem.textContent = e.message;
    }
  };
  const form = h('div', {}, why.box, problem, h('button.main', { onclick: look }, 'Show the pictures'));
  d.replaceChildren(h('div.head', {}, h('h2', {}, plateText(r.text, r.weak)), h('button', { onclick: () => d.close() }, 'Close')),
    h('p', {}, [r.region || 'state not read', 'sure ' + r.p, clock(r.at), r.camera && 'camera ' + r.camera].filter(Boolean).join(' · ')),
    h('p.soft', {}, r.position), form, pictures);
  d.onclose = () => { urls.forEach(URL.revokeObjectURL); d.replaceChildren(); };
  d.showModal();
}

export async function entriesPanel() {
  const input = (props) => h('input', { autocomplete: 'off', maxLength: 120, ...props });
  const option = (v, words = v) => h('option', { value: String(v) }, words);
  const f = {
    plate: h('input.plate', { maxLength: 24, required: true, autocomplete: 'off', spellcheck: false }),
    state: h('select', {}, option('', 'not known'), session.regions.map((r) => option(r))),
    category: h('select', {}, session.categories.map((c) => option(c))),
    priority: h('select', {}, option(3, 'high'), option(2, 'normal'), option(1, 'low')),
    reason: input({ required: true }), case: input({ required: true }), caution: input({}),
    hours: input({ type: 'number', inputMode: 'numeric', min: '1', max: String(session.entry_hours), required: true, placeholder: `1 to ${session.entry_hours}` }),
    colour: input({}), make: input({}), model: input({}), year: input({}),
    covert: h('input', { type: 'checkbox' }),
  };
  f.priority.value = '2';
  const problem = h('p.problem.wide', { role: 'alert' });
  const list = h('ol.rows', {});
  const submit = async (ev) => {
    ev.preventDefault();
    problem.textContent = '';
    const v = Object.fromEntries(Object.entries(f).map(([k, e]) => [k, e.type === 'checkbox' ? e.checked : e.value.trim()]));
    try {
      await api('POST', '/api/entries', { ...v, priority: Number(v.priority), hours: Number(v.hours) });
      toast('Added: ' + v.plate.toUpperCase());
      ev.target.reset();
      fill(list);
    } catch (e) {
      problem.textContent = e.message;
    }
  };
  $('entries').replaceChildren(h('h1', {}, 'Add a plate to this car\'s list ', h('small', {}, 'reason, case number and expiry are needed; it is audited')),
    h('form.form', { onsubmit: submit },
      field('Plate', f.plate), field('State', f.state), field('Reason', f.reason), field('Case number', f.case),
      field('Expires after hours', f.hours), field('Category', f.category), field('Priority', f.priority), field('Caution', f.caution),
      field('Colour', f.colour), field('Make', f.make), field('Model', f.model), field('Year', f.year),
      h('label.check.wide', {}, f.covert, h('span', {}, 'Covert: no sound, and no alert on the screen until you open it')),
      problem, h('button.main.wide', { type: 'submit' }, 'Add')),
    h('h1', {}, 'On this car\'s list'), list);
  fill(list);
}

// asGiven is how an entry was written where the reader reads it otherwise.
const asGiven = (e) => e.given && e.given.toUpperCase().replace(/[\s-]/g, '') !== e.plate ? `entered as ${e.given}` : '';

async function fill(list) {
  try {
    const { entries } = await api('GET', '/api/entries');
    list.replaceChildren(...entries.map((e) => h('li', {}, h('span.plate', {}, e.plate),
      h('span', {}, [asGiven(e), e.state, e.category, e.reason, 'case ' + e.case, e.vehicle, 'until ' + clock(e.expires), 'by ' + e.source].filter(Boolean).join(' · ')),
      h('button', { onclick: (ev) => removeRow(ev.target.closest('li'), e, list) }, 'Take off'))));
    if (entries.length === 0) list.append(h('li', {}, 'Nothing.'));
  } catch (e) {
    list.replaceChildren(h('li.problem', {}, e.message));
  }
}

function removeRow(li, e, list) {
  const reason = h('input', { maxLength: 120, autocomplete: 'off' });
  const problem = h('span.problem', { role: 'alert' });
  const remove = async () => {
    try {
      await api('POST', '/api/entries/remove', { id: e.id, reason: reason.value.trim() });
      toast('Taken off: ' + e.plate);
      fill(list);
    } catch (err) {
      problem.textContent = err.message;
    }
  };
  li.replaceChildren(h('span.plate', {}, e.plate), h('label', {}, h('span', {}, 'Why is it taken off?'), reason, problem),
    h('button.main', { onclick: remove }, 'Take off'));
  reason.focus();
}

export function systemPanel(status, settings) {
  const p = status.precision;
  const volume = h('input', { type: 'range', min: '0', max: '1', step: '0.05', value: String(sound.volume), oninput: (e) => sound.setVolume(Number(e.target.value)), onchange: () => sound.play(1) });
  if ($('system').contains(document.activeElement) && document.activeElement.type === 'range') return; // not under the finger
  const theme = (name, words) => h('button', { 'aria-pressed': String(settings.theme === name), onclick: () => settings.setTheme(name) }, words);
  $('system').replaceChildren(
    h('h1', {}, 'System'),
    h('ol.rows.parts.group', {}, status.parts.map((x) => h('li.' + x.level, {}, icon(x.level), h('b', {}, x.name),
      h('span', {}, x.brief, x.detail && h('br', {}), x.detail)))),
    h('p.group', {}, [`Pictures taken ${status.frames}, skipped ${status.dropped}`, `reads on record ${status.reads}`,
      status.retention && 'kept: ' + status.retention].filter(Boolean).join(' · ')),
    h('p.group', {}, `${p.words}. Misread ${p.misread}, wrong state ${p.wrong_state}, not wanted or stale ${p.not_wanted}.`),
    h('div.group.form', {}, field('Volume (high priority is never under half)', volume),
      h('div', {}, h('span.soft', {}, 'Try the sounds'), h('div.pick', {}, [[1, 'Low'], [2, 'Normal'], [3, 'High'], ['withdrawn', 'Withdrawn']].map(([k, w]) => h('button', { onclick: () => sound.play(k) }, w)))),
      h('div', {}, h('span.soft', {}, 'Screen'), h('div.pick', {}, theme('auto', 'By the sun'), theme('day', 'Day'), theme('night', 'Night')))),
    h('button', { onclick: settings.logout }, 'Log out'));
}
