package alpr

import "time"

// Kind says what an outbox item tells the backend.
type Kind string

// The kinds, as they appear in topics and event types.
const (
	KindHit         Kind = "hit"
	KindRead        Kind = "read"
	KindDisposition Kind = "disposition"
	KindAudit       Kind = "audit"
	KindExpired     Kind = "expired" // what policy deleted before it could be sent: explains a gap in Seq
)

// RetentionClass says which rule decides how long something is kept.
type RetentionClass string

// The classes.
const (
	RetainRead        RetentionClass = "read"
	RetainHit         RetentionClass = "hit"
	RetainDisposition RetentionClass = "disposition"
	RetainManual      RetentionClass = "manual"
)

// OutboxItem is one thing the backend has yet to be told. Exactly one of the
// pointers is set, except that a hit and a disposition carry their read and
// hit with them, so that the backend needs no other message to make sense of it.
type OutboxItem struct {
	Key        int64     // the store's handle; grows with every item
	Kind       Kind      //
	ID         ID        // of the read, hit, disposition or audit record: the event's identity for ever
	Revision   int       // of that ID, from 1
	BootID     ID        // one per start of the program
	Seq        uint64    // counts this boot's items from 1, across kinds, assigned in the recording transaction: a gap is a loss
	RecordedAt time.Time //
	Class      RetentionClass
	PurgeAt    time.Time // the item must not leave the vehicle after this; zero: no limit
	SentAt     time.Time // of the last PUBACK; zero: never sent

	Read        *Read
	Hit         *Hit
	Disposition *Disposition
	Audit       *AuditRecord
	Expired     *Expired
}

// OutboxQuery selects items to send. Items come in order of Key.
type OutboxQuery struct {
	Kinds          []Kind    // empty: all
	AfterKey       int64     // only items with a greater Key
	RecordedAfter  time.Time // zero: no limit
	RecordedBefore time.Time // zero: no limit
	SentBefore     time.Time // also items sent before this and still without a receipt; zero: only items never sent
	Limit          int       // at most so many; 0 means 100
}

// OutboxDepth is what waits to be sent.
type OutboxDepth struct {
	Waiting      map[Kind]int64 // never sent
	Unreceipted  int64          // sent, no receipt yet
	Quarantined  int64          // refused for good, kept for a person to look at
	OldestUnsent time.Time      // zero when nothing waits
}

// Expired is a range of one boot's items that were deleted by policy unsent.
type Expired struct {
	BootID  ID
	FromSeq uint64
	ToSeq   uint64
}
