// What the page decides, without a browser: node --test runs this, and so does
// the test of the Go package.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { bearingTo, caseOrder, fold, gateAlerts, headingWords, mapFrame, nextOnStage, repeats, sinceWords, Sounded, soundOf, waiting } from '../web/logic.js';
import { ago, clock, compass, distance, said, setWords, speed, t, vehicleSaid } from '../web/words.js';

const hit = (id, priority, more = {}) => ({ id, priority, open: true, at: '2026-03-01T12:00:00Z', sound: ['', 'low', 'normal', 'high'][priority], ...more });

test('the gravest open hit comes first, of equals the oldest', () => {
  const hits = [hit('a', 1), hit('b', 3, { at: '2026-03-01T12:00:05Z' }), hit('c', 3), hit('d', 3, { covert: true }), hit('e', 3, { open: false })];
  assert.deepEqual(waiting(hits).map((v) => v.id), ['c', 'b', 'a']);
  assert.deepEqual([...hits].sort(caseOrder).map((v) => v.id).slice(0, 4), ['c', 'd', 'b', 'a']);
});

test('no hit takes the place of one that is answered, nor of one as grave', () => {
  const low = hit('low', 1);
  const high = hit('high', 3);
  assert.equal(nextOnStage([low, high], undefined, false).id, 'high');
  assert.equal(nextOnStage([low, high], low, false).id, 'high');
  assert.equal(nextOnStage([low, high], low, true), undefined);
  assert.equal(nextOnStage([high, hit('other', 3)], high, false), undefined);
  assert.equal(nextOnStage([high, low], { ...high, open: false }, false).id, 'low');
});

test('a covert or answered hit has no sound, a withdrawn one its own', () => {
  assert.equal(soundOf(hit('a', 3)), 'high');
  assert.equal(soundOf(hit('a', 3, { sound: 'none' })), 'none');
  assert.equal(soundOf(hit('a', 3, { covert: true })), '');
  assert.equal(soundOf(hit('a', 3, { open: false })), '');
  assert.equal(soundOf(hit('a', 3, { withdrawn: true })), 'withdrawn');
});

test('a hit sounds once, its withdrawal once, and again when it is raised again', () => {
  const s = new Sounded();
  const v = hit('a', 3);
  assert.deepEqual([s.isNew(v), s.isNew(v), s.isNew({ ...v, withdrawn: true }), s.isNew({ ...v, withdrawn: true }), s.isNew(v)], [true, false, true, false, true]);
  const again = new Sounded(s.list());
  assert.equal(again.isNew(v), false, 'over a reload');
});

test('high priority repeats until it is answered, but for a moment of quiet', () => {
  const now = Date.parse('2026-03-01T12:01:00Z');
  const hits = [hit('a', 3), hit('b', 2), hit('c', 3, { open: false }), hit('d', 3, { quiet_until: '2026-03-01T12:02:00Z' }), hit('e', 3, { withdrawn: true }), hit('f', 3, { covert: true })];
  assert.deepEqual(repeats(hits, now).map((v) => v.id), ['a']);
  assert.deepEqual(repeats(hits, now + 120000).map((v) => v.id), ['a', 'd']);
});

test('at the gate the gravest alert stands first, and an answered one goes', () => {
  let known = gateAlerts([], [hit('a', 2), hit('b', 3)]);
  assert.deepEqual(known.map((a) => a.id), ['b', 'a']);
  known = gateAlerts(known, [hit('b', 3, { withdrawn: true })]);
  assert.deepEqual(known.map((a) => a.id), ['a', 'b']);
  assert.deepEqual(gateAlerts(known, [hit('a', 2, { open: false })]).map((a) => a.id), ['b']);
});

test('where a plate was read is said from the car as it drives now', () => {
  setWords({ units: 'km/h' });
  const now = Date.parse('2026-03-01T12:00:12Z');
  const here = { lat: 27.765, lon: -82.632, course: 90, speed: 14, is_moving: true };
  const at = (dLat, dLon) => hit('a', 3, { place: { lat: here.lat + dLat, lon: here.lon + dLon } });
  assert.equal(sinceWords(at(0, -0.002), here, now), 'read 12 s ago, that was 200 m behind you');
  assert.equal(sinceWords(at(0, 0.002), here, now), 'read 12 s ago, that was 200 m ahead of you');
  assert.equal(sinceWords(at(0.002, 0), here, now), 'read 12 s ago, that was 220 m to your left');
  assert.equal(sinceWords(at(0.002, 0), { ...here, is_moving: false }, now), 'read 12 s ago, 220 m north of here');
  assert.equal(sinceWords(at(0, 0), here, now), 'read 12 s ago, here');
  assert.equal(sinceWords(hit('a', 3), here, now), 'read 12 s ago');
  assert.equal(sinceWords(at(0, -0.002), undefined, now), 'read 12 s ago');
  assert.equal(headingWords({ course: 91.4, speed: 14 }), 'heading east (91°) at 50 km/h');
  assert.equal(headingWords({ course: 91.4, speed: 0.5 }), '');
  assert.ok(Math.abs(bearingTo({ lat: 0, lon: 0 }, { lat: 0, lon: 0.001 }).m - 111.32) < 0.01);
});

test('units and times are the agency\'s', () => {
  setWords({ units: 'mph', hour12: true, zone: 'America/New_York' });
  assert.equal(speed(10), '22 mph');
  assert.equal(distance(200), '650 ft');
  assert.equal(distance(3000), '1.9 mi');
  assert.match(clock('2026-03-01T18:05:06Z', new Date('2026-03-01T20:00:00Z')), /^01:05:06 PM$/);
  assert.match(clock('2026-02-27T18:05:06Z', new Date('2026-03-01T20:00:00Z')), /2026-02-27/);
  setWords({ units: 'km/h', zone: 'UTC' });
  assert.equal(clock('2026-03-01T18:05:06Z', new Date('2026-03-01T20:00:00Z')), '18:05:06');
  assert.equal(clock('nonsense'), 'time not known');
  assert.equal(ago(-3000), '0 s ago');
  assert.equal(ago(100000), '2 min ago');
  assert.equal(compass(350), 'north');
});

test('a sentence is said in the agency\'s language, with its values', () => {
  setWords({ language: 'es', words: { '{n} more wait.': 'Esperan {n} más.' } });
  assert.equal(t('{n} more wait.', { n: 3 }), 'Esperan 3 más.');
  assert.equal(t('not translated {x}', { x: '$&' }), 'not translated $&');
  setWords({});
});

test('a long text is folded where a word ends', () => {
  assert.deepEqual(fold('short', 10), ['short', '']);
  assert.deepEqual(fold('one two three four', 12), ['one two', ' three four']);
  assert.deepEqual(fold('x'.repeat(20), 10), ['x'.repeat(10), 'x'.repeat(10)]);
});

test('the map holds every place, and its bar is a round length', () => {
  const places = [{ lat: 27.7, lon: -82.6 }, { lat: 27.71, lon: -82.63 }];
  const f = mapFrame(places, 600);
  for (const p of places) for (const v of f.at(p)) assert.ok(v >= 0 && v <= 600);
  assert.equal(f.bar, 1000);
  assert.equal(mapFrame([], 600), undefined);
});

test('what the server says is said in the agency\'s language, values too', () => {
  const file = readFileSync(new URL('../words.tsv', import.meta.url), 'utf8');
  setWords({ language: 'es', words: Object.fromEntries(file.split('\n').filter((l) => l && !l.startsWith('#')).map((l) => l.split('\t'))) });
  assert.equal(said('Lead only: verify plate and state'), 'Solo una pista: verifique placa y estado');
  assert.equal(said('Florida on plate and list (over 99 %)'), 'Florida en la placa y en la lista (más de 99 %)');
  assert.equal(said('Of 12 hits verified, 11 right'), 'De 12 alertas verificadas, 11 correctas');
  assert.equal(said('Hotlist State is 2 days old: recovered cars may still alert.'), 'La lista State es de hace 2 días: vehículos ya recuperados pueden alertar.');
  assert.equal(said('what nobody translated'), 'what nobody translated');
  assert.equal(vehicleSaid('2019 silver Toyota Camry, four-door'), '2019 plateado Toyota Camry, cuatro puertas');
  setWords({});
  assert.equal(said('Florida on plate and list (over 99 %)'), 'Florida on plate and list (over 99 %)');
});
