// Package audit is the form of the log of who did what: how its records follow
// one another, how their words are sealed, how its end is signed, and how
// somebody without the store or any secret checks an exported log. It holds no
// SQL: package store keeps the rows.
//
// Vocabulary
//
//   - A Row is one record as it is kept: its text, chained by hash to the one
//     before, and signed by the device (Ed25519).
//   - The head is the signed end of the log. Without it, records cut off the end
//     would leave a sound chain.
//   - A break is a place at which the log is not what was written. It stays on
//     record for ever.
//   - A Sealer is the device's side: it makes rows and opens them. A Chain and
//     Verify are anybody's side.
//
// Records of earlier releases stand in clear; SealOld seals their words and
// leaves their hashes as earlier exports know them.
package audit
