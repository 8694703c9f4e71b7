// Package downlink is what a backend may say to a vehicle, and how the vehicle
// knows that it is said by those who may: hotlists, requests for pictures,
// tighter retention, changes of keys and receipts, signed with Ed25519.
//
// Vocabulary
//
//   - A Statement is the signed envelope. What is signed covers the kind of the
//     statement, so that one kind can never pass for another.
//   - A Key signs statements of its scopes. A key with the scope "keys" signs
//     changes of the ring alone, and is best kept offline.
//   - A Manifest announces a version of a hotlist: the whole list as a Blob,
//     deltas from earlier versions, and the entries to remove at once.
//   - A Blob is a zstd-compressed JSON Lines file in pieces small enough for a
//     weak link; the manifest holds the hash of every piece.
package downlink
