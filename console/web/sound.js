// Alert sounds, made by the browser itself, for a car without a speaker of the
// plate reader's own. Each priority has a shape of its own, told apart without
// looking: low one soft tone, normal two rising, high three times two alternating
// ones. High pierces the mute. A withdrawal falls.

import { store } from './dom.js';

const TONES = { // [start s, length s, Hz, share of the volume]
  low: [[0, 0.35, 523, 0.6]],
  normal: [[0, 0.18, 659, 0.9], [0.22, 0.3, 880, 0.9]],
  high: [0, 1, 2].flatMap((i) => [[i * 0.5, 0.2, 988, 1], [i * 0.5 + 0.22, 0.2, 1319, 1]]),
  withdrawn: [[0, 0.25, 587, 0.7], [0.28, 0.4, 392, 0.7]],
  lost: [[0, 0.5, 294, 0.7]],
};
const LEAST_FOR_HIGH = 0.5;

let ctx;
let volume = store.get('volume', 0.7);
let mutedUntil = 0; // the server's, for all pages
let hasSpeaker = false; // the plate reader sounds by itself
let onChange = () => {};

export const sound = {
  get isMuted() { return Date.now() < mutedUntil; },
  get mutedUntil() { return mutedUntil; },
  get volume() { return volume; },
  get hasSpeaker() { return hasSpeaker; },
  // The browser lets a page sound only after the first touch, unless it was
  // started with --autoplay-policy=no-user-gesture-required.
  get isBlocked() { return !hasSpeaker && ctx?.state !== 'running'; },
  watch(f) { onChange = f; },
  setState(until, speaker) { mutedUntil = Date.parse(until) || 0; hasSpeaker = speaker; },
  setVolume(v) { volume = v; store.set('volume', v); onChange(); },
  open() {
    ctx ??= new (window.AudioContext ?? window.webkitAudioContext)();
    ctx.onstatechange = () => onChange();
    if (ctx.state !== 'running') ctx.resume().catch(() => {}).finally(() => onChange());
  },
  // play sounds a kind of TONES; isTrial also where a speaker sounds for the page.
  play(kind, isTrial = false) {
    const isHigh = kind === 'high';
    if (!ctx || !TONES[kind] || (this.isMuted && !isHigh && !isTrial) || (hasSpeaker && !isTrial && kind !== 'lost')) return;
    const loud = isHigh ? Math.max(volume, LEAST_FOR_HIGH) : volume;
    for (const [start, length, hz, share] of TONES[kind]) tone(ctx.currentTime + start, length, hz, share * loud);
  },
};

function tone(at, length, hz, gain) {
  const o = ctx.createOscillator();
  const g = ctx.createGain();
  o.type = 'triangle';
  o.frequency.value = hz;
  g.gain.setValueAtTime(0, at);
  g.gain.linearRampToValueAtTime(gain, at + 0.015);
  g.gain.setValueAtTime(gain, at + length - 0.04);
  g.gain.linearRampToValueAtTime(0, at + length);
  o.connect(g).connect(ctx.destination);
  o.start(at);
  o.stop(at + length);
}
