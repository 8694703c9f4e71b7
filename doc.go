// Package alpr holds the words every other package speaks: what a camera
// delivers, what the networks make of it, what a vehicle pass is read as, and
// what an officer, the store and the backend are told.
//
// Vocabulary
//
//   - A Frame is one picture of one camera, with the instant it was captured.
//   - A Plate is a place in a frame: four corners and a score.
//   - A Posterior is what the recogniser believes about the characters of one
//     plate: for each of Slots places, a probability for each of Symbols.
//   - A Read is one vehicle pass: the fused text of all frames that showed the
//     plate, where and when it was, and how sure that is.
//   - An Entry is one line of a hotlist; a Hit is the lead that a Read may be
//     that Entry. A hit says "verify plate and state", and nothing more, until
//     an officer's Disposition says otherwise.
//   - A Fix is where the vehicle was at an instant, and how well that is known.
//
// The package imports the standard library only. Its values are plain data:
// they own no native memory, and a Frame's pixels are never written after the
// frame has been published.
package alpr
