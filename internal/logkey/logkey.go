// Package logkey names what stands in the program's log, so that one thing has one
// name in every line: an operator filters by it.
package logkey

// The keys.
const (
	Address    = "address"     // of a page
	Alerts     = "alerts"      // how many
	Dropped    = "dropped"     // frames, how many
	Entries    = "entries"     // of a hotlist, how many
	Error      = "error"       // what went wrong, whoever it befell: never err, reason or problem
	First      = "first"       // of several, an example
	Frames     = "frames"      // how many
	Hit        = "hit"         // its ID
	Hits       = "hits"        // how many
	List       = "list"        // a hotlist's name
	Search     = "search"      // how closely frames are looked at
	Lost       = "lost"        // reads, how many
	Part       = "part"        // of the vehicle
	Processor  = "processor"   // as it names itself
	Reads      = "reads"       // how many
	RetryAfter = "retry_after" // until it is tried again
	Run        = "run"         // which files of the networks run, and how
	Taken      = "taken"       // keys of the configuration that are in force
	Waiting    = "waiting"     // keys that wait for the next start
	Withdrawal = "withdrawal"  // why an alert was taken back
)
