// Package uplink brings what a vehicle has recorded to its backend, over MQTT,
// and what the backend may say to the vehicle.
//
// The durable queue is the caller's Outbox: an item stays there until the
// broker has acknowledged it and, where receipts are on (the default), until
// the backend has said that it keeps it. The MQTT library stores nothing.
//
// Vocabulary
//
//   - A session is one connection to the broker, from CONNECT to its loss.
//     Nothing of a session outlives it but counters: what was in flight is
//     simply read from the outbox again.
//   - A lane is a class of items: hits and dispositions overtake live reads,
//     which overtake the backlog. The backlog travels in compressed batches at
//     a limited rate.
//   - The window is how many bytes of reads may wait for the broker's
//     acknowledgement; it shrinks when acknowledgements slow down, so that a
//     hit never queues behind more than a fraction of a second of them.
//
// An Uplink only ever connects outwards. What it accepts from outside is:
// receipts, signed hotlists, signed requests for pictures, signed changes of
// keys, and signed policies that are tighter than the present one.
package uplink
