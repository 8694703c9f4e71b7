// Package event holds the words vehicle and backend share: topics, and events
// as CloudEvents 1.0 in structured JSON.
//
// Vocabulary
//
//   - An Event is one CloudEvent: an envelope that is the same for all kinds,
//     and Data whose shape Type names. docs/schema holds the JSON Schema of both.
//   - A Payload is what one MQTT message carries: one event, or a batch of
//     events as a JSON array, compressed with zstd or not. Its first byte tells.
//   - Boot and sequence: each start of the vehicle's program has a boot id, and
//     counts what it records from 1. A number that never arrives is a loss.
//   - A Receipt is the backend's word that ranges of that count are safely kept.
//
// The package imports no MQTT client: it is for whoever speaks to either side.
package event
