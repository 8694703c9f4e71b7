// The emergency button: held for a second and a half it switches sharing on or off.

import { $, toast } from './dom.js';
import { api } from './api.js';

let timer = 0;
let isOn = () => false;
let released = () => {};
const button = () => $('nav-emergency');

export const isHeldDown = () => timer !== 0;

// setup takes how it is now, and what is to be drawn when the button is let go.
export function setup(now, drawn) {
  [isOn, released] = [now, drawn];
  for (const ev of ['pointerdown', 'keydown']) button().addEventListener(ev, hold);
  for (const ev of ['pointerup', 'pointerleave', 'pointercancel', 'keyup', 'blur']) button().addEventListener(ev, release);
  button().oncontextmenu = (ev) => ev.preventDefault();
}

function hold(ev) {
  if (timer || ev.repeat || (ev.type === 'keydown' && ev.key !== 'Enter' && ev.key !== ' ')) return;
  const began = Date.now();
  const fill = button().querySelector('.fill');
  timer = setInterval(async () => {
    const share = (Date.now() - began) / 1500;
    fill.style.width = Math.min(100, share * 100) + '%';
    if (share < 1) return;
    release();
    try {
      await api('POST', '/api/emergency', { on: !isOn() });
    } catch (e) {
      toast(e.message);
    }
  }, 50);
}

function release() {
  if (!timer) return;
  clearInterval(timer);
  timer = 0;
  const fill = button().querySelector('.fill');
  if (fill) fill.style.width = '0';
  released();
}
