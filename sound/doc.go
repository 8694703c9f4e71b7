// Package sound is heard in the car without a browser: tones of our own making,
// and words where a speech program is installed, through the computer's speaker
// (ALSA's aplay, or any program that takes a WAV file), from the moment the
// program runs. A lamp or relay can be lit beside it.
//
// It owns the tones, the player and its troubles. What is to be heard, and when,
// the console decides.
//
//   - A signal is one thing to be heard: a kind, and words for it.
//   - A graver signal cuts a lesser one short; a lesser one waits until the graver
//     is over, and is left out where it waits too long: old news is worse than none.
package sound
