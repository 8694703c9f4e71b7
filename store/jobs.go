package store

// A Store's jobs are small types, so that whoever needs one gets no other. They
// are safe for concurrent use, as the Store is, and hold as long as it is open.

// Recorder keeps what the vehicle sees, what officers find, and what is taken back.
type Recorder struct{ s *Store }

// Outbox is what waits to be sent to the backend.
type Outbox struct{ s *Store }

// AuditLog is the log of who did what. See package audit for its form.
type AuditLog struct{ s *Store }

// Lists are the versions of hotlists.
type Lists struct{ s *Store }

// ManualEntries are the officers' own hotlist entries.
type ManualEntries struct{ s *Store }

// Reads are what is on record, to be looked at.
type Reads struct{ s *Store }

// Rules are what the store keeps by: the retention policy, and what the backend
// has shortened and forbidden.
type Rules struct{ s *Store }

// Notices are what befell the store, until somebody has taken note.
type Notices struct{ s *Store }

// SafeList are the plates whose reads vanish before storage.
type SafeList struct{ s *Store }

// Contributions are the misreads that officers have corrected, as far as the
// agency shares them.
type Contributions struct{ s *Store }

// Recorder is where reads, hits, withdrawals and dispositions are kept.
func (s *Store) Recorder() Recorder { return Recorder{s} }

// Outbox is what waits to be sent.
func (s *Store) Outbox() Outbox { return Outbox{s} }

// AuditLog is the log of who did what.
func (s *Store) AuditLog() AuditLog { return AuditLog{s} }

// Lists are the versions of hotlists.
func (s *Store) Lists() Lists { return Lists{s} }

// Manual are the officers' own entries.
func (s *Store) Manual() ManualEntries { return ManualEntries{s} }

// Reads are what is on record.
func (s *Store) Reads() Reads { return Reads{s} }

// Rules are what the store keeps by.
func (s *Store) Rules() Rules { return Rules{s} }

// Notices are what befell the store.
func (s *Store) Notices() Notices { return Notices{s} }

// SafeList are the plates that are not kept.
func (s *Store) SafeList() SafeList { return SafeList{s} }

// Contributions are the corrected misreads.
func (s *Store) Contributions() Contributions { return Contributions{s} }
