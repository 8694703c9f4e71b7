package alpr

import (
	"slices"
	"time"
)

// AuditAction says what was done. The strings stand in logs and events for
// ever: none is renamed or used anew.
type AuditAction string

// The actions. A new one is added to AuditActions as well.
const (
	ActionStart         AuditAction = "start"          // the program in the car starts
	ActionStop          AuditAction = "stop"           // and ends
	ActionSetAside      AuditAction = "set aside"      // a damaged store file was moved away
	ActionQuarantine    AuditAction = "quarantine"     // damaged rows were set apart, or put right
	ActionNoticesSeen   AuditAction = "notices seen"   // somebody took note of what befell the store
	ActionPurge         AuditAction = "purge"          // policy deleted what was due
	ActionPolicyChange  AuditAction = "policy change"  // a rule of the owner's or the backend's came into force
	ActionTightenPolicy AuditAction = "tighten policy" // the backend asked for shorter retention
	ActionRotateKeys    AuditAction = "rotate keys"    // the backend's signing keys changed
	ActionRefuse        AuditAction = "refuse"         // something from the backend was not done

	ActionLogin          AuditAction = "login"         // an officer opened the page
	ActionLoginRefused   AuditAction = "login refused" // somebody did not get in
	ActionLogout         AuditAction = "logout"
	ActionLock           AuditAction = "lock" // an officer locked the page
	ActionUnlock         AuditAction = "unlock"
	ActionUnlockRefused  AuditAction = "unlock refused"
	ActionAccountAdded   AuditAction = "account added" // also a new password or name of one
	ActionAccountRemoved AuditAction = "account removed"

	ActionViewPage         AuditAction = "view page" // the live page, with the reads and hits on it
	ActionViewPicture      AuditAction = "view picture"
	ActionViewEntries      AuditAction = "view entries"     // the officers' own entries
	ActionLookup           AuditAction = "lookup"           // reads of one plate
	ActionMatchPast        AuditAction = "match past reads" // an entry compared with what is on record
	ActionDisposition      AuditAction = "disposition"      // what an officer found
	ActionHitWithdrawn     AuditAction = "hit withdrawn"    // the machine took an open alert back, because its entry may alert no more
	ActionWithdrawalSeen   AuditAction = "withdrawal seen"  // an officer took note that a hit was taken back
	ActionEmergencyOn      AuditAction = "emergency sharing on"
	ActionEmergencyOff     AuditAction = "emergency sharing off"
	ActionHoldEmergency    AuditAction = "hold emergency button" // and to whom the stream goes
	ActionReleaseEmergency AuditAction = "release emergency button"

	ActionManualEntry        AuditAction = "manual entry" // an officer's own entry came into use
	ActionManualEntryRemoved AuditAction = "manual entry removed"
	ActionHotlistImport      AuditAction = "hotlist import"
	ActionHotlistRollback    AuditAction = "hotlist rollback"
	ActionHotlistDropped     AuditAction = "hotlist dropped"
	ActionHotlistUpdate      AuditAction = "update hotlist"         // the backend published a version
	ActionRemoveEntriesNow   AuditAction = "remove entries at once" // the backend took entries out of use before the next version
	ActionHotlistView        AuditAction = "hotlist view"           // entries of a list were printed
	ActionHotlistLookup      AuditAction = "hotlist lookup"         // what a plate would alert
	ActionSafeListAdd        AuditAction = "safe list add"
	ActionSafeListRemove     AuditAction = "safe list remove"

	ActionRelease          AuditAction = "release" // a record went to a receiver other than the agency
	ActionReleasePicture   AuditAction = "release picture"
	ActionRequestPicture   AuditAction = "request picture" // the backend asked for a picture
	ActionConsentGiven     AuditAction = "consent given"   // to share corrected misreads
	ActionConsentWithdrawn AuditAction = "consent withdrawn"
	ActionContribute       AuditAction = "contribute"      // corrected misreads were shared
	ActionContributeList   AuditAction = "contribute list" // what would be shared was printed
	ActionAuditExport      AuditAction = "audit export"
	ActionAuditSealed      AuditAction = "audit sealed" // the free text of older records was encrypted
	ActionAuditBroken      AuditAction = "audit broken" // records were found changed, missing or added
)

// AuditActions lists every action.
func AuditActions() []AuditAction {
	return []AuditAction{
		ActionStart,
		ActionStop,
		ActionSetAside,
		ActionQuarantine,
		ActionNoticesSeen,
		ActionPurge,
		ActionPolicyChange,
		ActionTightenPolicy,
		ActionRotateKeys,
		ActionRefuse,
		ActionLogin,
		ActionLoginRefused,
		ActionLogout,
		ActionLock,
		ActionUnlock,
		ActionUnlockRefused,
		ActionAccountAdded,
		ActionAccountRemoved,
		ActionViewPage,
		ActionViewPicture,
		ActionViewEntries,
		ActionLookup,
		ActionMatchPast,
		ActionDisposition,
		ActionHitWithdrawn,
		ActionWithdrawalSeen,
		ActionEmergencyOn,
		ActionEmergencyOff,
		ActionHoldEmergency,
		ActionReleaseEmergency,
		ActionManualEntry,
		ActionManualEntryRemoved,
		ActionHotlistImport,
		ActionHotlistRollback,
		ActionHotlistDropped,
		ActionHotlistUpdate,
		ActionRemoveEntriesNow,
		ActionHotlistView,
		ActionHotlistLookup,
		ActionSafeListAdd,
		ActionSafeListRemove,
		ActionRelease,
		ActionReleasePicture,
		ActionRequestPicture,
		ActionConsentGiven,
		ActionConsentWithdrawn,
		ActionContribute,
		ActionContributeList,
		ActionAuditExport,
		ActionAuditSealed,
		ActionAuditBroken,
	}
}

// IsLook says whether the action shows somebody what is on record.
func (a AuditAction) IsLook() bool {
	return slices.Contains([]AuditAction{ActionViewPicture, ActionViewEntries, ActionLookup, ActionMatchPast, ActionHotlistView,
		ActionHotlistLookup, ActionContribute, ActionContributeList, ActionAuditExport, ActionReleasePicture}, a)
}

// IsKnown says whether the action is one of the list.
func (a AuditAction) IsKnown() bool { return slices.Contains(AuditActions(), a) }

// AuditRecord is one interaction with the system or its data.
type AuditRecord struct {
	ID      ID
	Seq     uint64 // place in the log, from 1
	At      time.Time
	Officer string // who; "system" for what the machine does itself
	Agency  string
	Purpose string // why, as the law of some states asks of every access
	Action  AuditAction
	Subject string // id of what was touched; never a plate in clear
	Detail  map[string]string
	Prev    [32]byte // hash of the record before
	Hash    [32]byte // of this record, Prev included
	Log     [32]byte // hash of the log's first record, by which logs are told apart; zero: not known
}

// AuditHead is the signed end of the audit log.
type AuditHead struct {
	Log    [32]byte // hash of the log's first record; zero while there is none
	Seq    uint64   // of the newest record, 0 while there is none
	Hash   [32]byte // of the newest record
	BootID ID       // of the start of the program that wrote it
	At     time.Time
	Breaks []AuditBreak // where the log was tampered with, in order of finding; they stay for ever
}

// AuditBreak is a place at which the log is not what was written.
type AuditBreak struct {
	At      uint64 // number of the first record that is changed, missing or added
	Why     string
	FoundAt time.Time
}

// BrokenAt is the first record that cannot be relied on, 0 where all can.
func (h AuditHead) BrokenAt() uint64 {
	var at uint64
	for _, b := range h.Breaks {
		if at == 0 || b.At < at {
			at = b.At
		}
	}
	return at
}
