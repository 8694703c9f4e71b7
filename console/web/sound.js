// Alert sounds, made by the browser itself. Each priority has a shape of its
// own, told apart without looking: low one soft tone, normal two rising, high
// three times two alternating ones. High pierces mute. A withdrawal falls.

import { store } from './dom.js';

const TONES = { // [start s, length s, Hz, share of the volume]
  1: [[0, 0.35, 523, 0.6]],
  2: [[0, 0.18, 659, 0.9], [0.22, 0.3, 880, 0.9]],
  3: [0, 1, 2].flatMap((i) => [[i * 0.5, 0.2, 988, 1], [i * 0.5 + 0.22, 0.2, 1319, 1]]),
  withdrawn: [[0, 0.25, 587, 0.7], [0.28, 0.4, 392, 0.7]],
  lost: [[0, 0.5, 294, 0.7]],
};
const LEAST_FOR_HIGH = 0.5;

let ctx;
let volume = store.get('volume', 0.7);
let isMuted = store.get('muted', false);
let onChange = () => {};

export const sound = {
  get isMuted() { return isMuted; },
  get volume() { return volume; },
  // The browser lets a page sound only after the first touch, unless it was
  // started with --autoplay-policy=no-user-gesture-required.
  get isBlocked() { return !ctx || ctx.state !== 'running'; },
  watch(f) { onChange = f; },
  setMuted(m) { isMuted = m; store.set('muted', m); onChange(); },
  setVolume(v) { volume = v; store.set('volume', v); onChange(); },
  open() {
    ctx ??= new (window.AudioContext ?? window.webkitAudioContext)();
    ctx.onstatechange = () => onChange();
    if (ctx.state !== 'running') ctx.resume().catch(() => {}).finally(() => onChange());
  },
  play(kind) {
    const isHigh = kind === 3;
    if (!ctx || (isMuted && !isHigh)) return;
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
