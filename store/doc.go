// Package store keeps what the vehicle must not lose and forgets what it must
// not keep: reads, hits, dispositions, manual entries, hotlist versions, the
// outbox and the audit log, in one SQLite file.
//
// Vocabulary
//
//   - A write is one operation of a caller. Writes that arrive together share
//     one transaction and one fsync (group commit); each returns only when it
//     is durable.
//   - A body is what is secret of a row: plate, position, picture, listed
//     entry. It is sealed with AES-256-GCM under a data key.
//   - A data key belongs to one retention class and one period (a day, less
//     where retention is shorter). It is wrapped by the device key and
//     destroyed when the last row of its period is gone: what is left of the
//     row on flash can then not be opened any more.
//   - The retention clock never runs backwards, whatever the system clock does.
//   - A purge deletes what is due and leaves a proof in the audit log.
//
// A Store is safe for concurrent use, and several processes may open one file.
package store
