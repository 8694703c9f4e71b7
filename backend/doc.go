// Package backend is the agency's side of the sync: it takes what vehicles
// publish, keeps it exactly once, and tells the vehicles so.
//
// Vocabulary
//
//   - A Row is one event that passed the schema, ready to be kept.
//   - A Letter is what did not pass: kept as it came, with the reason, to be
//     looked at and replayed. Nothing that arrives is thrown away.
//   - A Batch is what one transaction keeps. The broker is answered, and the
//     vehicles get their receipts, only after it.
//   - A Sink is where batches are kept: PostgreSQL for a fleet, SQLite or
//     NDJSON for a demonstration.
//
// Delivery is at least once; a Sink makes it exactly once by the events' id and
// revision. Any number of consumers may share the work.
package backend
