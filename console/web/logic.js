// What the page decides, apart from any browser: which hit comes first, what has
// sounded, where a car was read. scripts/test.sh runs its tests with node.

import { t, ago, compass, distance, speed } from './words.js';

// urgency orders open hits: the graver first, of equals the one that waits longest.
export const urgency = (a, b) => b.priority - a.priority || Date.parse(a.at) - Date.parse(b.at);

// waiting are the open hits that ask for an answer, but for the one on the stage.
// A covert hit waits in the list until the officer opens it.
export const waiting = (hits, stageID) => [...hits].filter((v) => v.open && v.id !== stageID && !v.covert).sort(urgency);

// caseOrder is that of the list: open ones by urgency, then the newest.
export const caseOrder = (a, b) => b.open - a.open || (a.open ? urgency(a, b) : Date.parse(b.at) - Date.parse(a.at));

// nextOnStage is the hit that comes forward, if one does. None takes the place of
// one that is being answered, nor of one at least as grave.
export function nextOnStage(hits, shown, isBusy) {
  const next = waiting(hits, shown?.id)[0];
  if (!next || isBusy) return undefined;
  return !shown?.open || next.priority > shown.priority ? next : undefined;
}

// soundOf is what a hit sounds like, '' where it is silent: covert, answered, or
// on a list that the agency wants silent.
export function soundOf(v) {
  if (v.covert || !v.open) return '';
  return v.withdrawn ? 'withdrawn' : v.sound ?? '';
}

// Sounded remembers which hits have sounded, so that none sounds twice and none is
// left out over a reload. One that is raised again sounds again.
export class Sounded {
  constructor(keys = []) { this.keys = new Set(keys); }
  // isNew notes the hit's state and says whether it has yet to sound.
  isNew(v) {
    const key = v.id + (v.withdrawn ? ' withdrawn' : '');
    this.keys.delete(v.id + (v.withdrawn ? '' : ' withdrawn'));
    if (this.keys.has(key)) return false;
    this.keys.add(key);
    return true;
  }
  list() { return [...this.keys].slice(-300); }
}

// repeats are the hits that sound again until they are answered: high priority,
// and not quieted for a moment by the officer.
export const repeats = (hits, now) => [...hits].filter((v) => v.open && !v.covert && !v.withdrawn && v.sound === 'high' && !(Date.parse(v.quiet_until) > now));

// gateAlerts keeps what a locked page may show: by id, the gravest first, those
// that were answered elsewhere gone.
export function gateAlerts(known, news) {
  const all = new Map(known.map((a) => [a.id, a]));
  for (const a of news) {
    if (a.open) all.set(a.id, a);
    else all.delete(a.id);
  }
  return [...all.values()].sort((a, b) => Boolean(a.withdrawn) - Boolean(b.withdrawn) || b.priority - a.priority || Date.parse(b.at) - Date.parse(a.at));
}

const RAD = Math.PI / 180;

// bearingTo is distance in metres and bearing in degrees from one place to another.
export function bearingTo(from, to) {
  const x = (to.lon - from.lon) * Math.cos((from.lat + to.lat) / 2 * RAD) * 111320;
  const y = (to.lat - from.lat) * 111320;
  return { m: Math.hypot(x, y), deg: (Math.atan2(x, y) / RAD + 360) % 360 };
}

const SIDES = ['ahead of you', 'ahead to the right', 'to your right', 'behind you to the right', 'behind you', 'behind you to the left', 'to your left', 'ahead to the left'];

// sinceWords says how long ago a plate was read, and where that place is now, seen
// from the car: the plate itself has moved on.
export function sinceWords(hit, fix, now) {
  const when = t('read {ago}', { ago: ago(now - Date.parse(hit.at)) });
  if (!hit.place || !fix) return when;
  const b = bearingTo(fix, hit.place);
  if (b.m < 30) return t('{when}, here', { when });
  const far = distance(b.m);
  if (!fix.is_moving) return t('{when}, {far} {wind} of here', { when, far, wind: compass(b.deg) });
  const side = ((Math.round((b.deg - fix.course) / 45) % 8) + 8) % 8;
  return t('{when}, that was {far} {side}', { when, far, side: t(SIDES[side]) });
}

// headingWords says which way the car was driving and how fast when it read.
export function headingWords(place) {
  if (!place || !(place.speed > 2)) return '';
  return t('heading {wind} ({deg}°) at {speed}', { wind: compass(place.course), deg: Math.round(place.course), speed: speed(place.speed) });
}

// fold cuts a long text where a word ends; rest is '' where it fits.
export function fold(text, limit) {
  const chars = [...text];
  if (chars.length <= limit) return [text, ''];
  const cut = chars.slice(0, limit).join('');
  const at = cut.lastIndexOf(' ');
  const head = at > limit / 2 ? cut.slice(0, at) : cut;
  return [head, text.slice(head.length)];
}

// mapFrame fits places into a square of the given size: metres east and north from
// their middle, and the round length of the scale's bar.
export function mapFrame(places, size) {
  if (!places.length) return undefined;
  const lats = places.map((p) => p.lat);
  const lons = places.map((p) => p.lon);
  const mid = { lat: (Math.min(...lats) + Math.max(...lats)) / 2, lon: (Math.min(...lons) + Math.max(...lons)) / 2 };
  const wide = (Math.max(...lons) - Math.min(...lons)) * Math.cos(mid.lat * RAD) * 111320;
  const high = (Math.max(...lats) - Math.min(...lats)) * 111320;
  const metres = Math.max(wide, high, 200) * 1.15;
  const scale = size / metres;
  const at = (p) => [size / 2 + (p.lon - mid.lon) * Math.cos(mid.lat * RAD) * 111320 * scale, size / 2 - (p.lat - mid.lat) * 111320 * scale];
  const steps = [50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000];
  const bar = steps.findLast((s) => s <= metres / 3) ?? 50;
  return { at, scale, bar };
}
