package torture

import (
	"context"
	"math/rand/v2"
	"slices"
)

// What a fault befalls. One step has at most one fault of each.
const (
	ofReceiver = "receiver"
	ofCamera   = "camera"
	ofPage     = "page"
	ofLists    = "lists"
	ofProcess  = "program"
	ofDisk     = "disk"
	ofLink     = "link"
	ofRecords  = "records"
)

// undo ends a fault.
type undo func(context.Context) error

// fault is one thing that the world does.
type fault struct {
	of   string
	name string
	// apply inflicts the fault. undo is nil where it is over already. An error
	// says what was expected and did not come.
	apply func(context.Context, *rig, *rand.Rand) (undo, error)
	// wounds marks a fault after which what was on record may be gone. It has
	// its step to itself.
	wounds bool
}

func (f fault) String() string { return f.of + ": " + f.name }

// faults is everything that is tried. tables are those of the store.
func faults(tables []string) []fault {
	list := []fault{
		{of: ofReceiver, name: "greetings of every maker", apply: says(func(*rand.Rand) string { return greetings() })},
		{of: ofReceiver, name: "binary protocols", apply: says(func(*rand.Rand) string { return otherProtocols() })},
		{of: ofReceiver, name: "noise", apply: says(func(r *rand.Rand) string { return string(noise(r, 3000)) })},
		{of: ofReceiver, name: "damaged sentences", apply: says(damagedSentences)},
		{of: ofReceiver, name: "wrong time", apply: wrongTime},
		{of: ofReceiver, name: "silence", apply: silence},
		{of: ofReceiver, name: "unplugged", apply: unplugged},

		{of: ofCamera, name: "stalls", apply: cameraIs(moodStalled)},
		{of: ofCamera, name: "refuses", apply: cameraIs(moodRefused)},
		{of: ofCamera, name: "answers with a page", apply: cameraIs(moodWrong)},
		{of: ofCamera, name: "cuts every picture", apply: cameraIs(moodCut)},
		{of: ofCamera, name: "garbage between pictures", apply: cameraIs(moodGarbage)},
		{of: ofCamera, name: "claims huge pictures", apply: cameraIs(moodHuge)},
		{of: ofCamera, name: "changes its size", apply: cameraResizes},
		{of: ofCamera, name: "disconnects", apply: cameraDisconnects},

		{of: ofPage, name: "hostile entries", apply: hostileEntries},
		{of: ofPage, name: "hostile look-ups", apply: hostileLookups},
		{of: ofPage, name: "hostile dispositions", apply: hostileDispositions},
		{of: ofPage, name: "wrong passwords", apply: wrongPasswords},
		{of: ofPage, name: "broken requests", apply: brokenRequests},
		{of: ofPage, name: "many streams", apply: manyStreams},
		{of: ofPage, name: "account removed", apply: accountRemoved},

		{of: ofLists, name: "hostile file", apply: hostileFile},
		{of: ofLink, name: "hostile file from the agency", apply: hostileFromAgency},
		{of: ofLink, name: "list from the agency", apply: listFromAgency},
		{of: ofLists, name: "same list again", apply: sameList},
		{of: ofLists, name: "retention shortened", apply: retentionShortened},

		{of: ofProcess, name: "kill -9", apply: killed(1)},
		{of: ofProcess, name: "kill -9 thrice", apply: killed(3)},
		{of: ofProcess, name: "SIGTERM", apply: terminated},
		{of: ofProcess, name: "stopped for a second", apply: stopped},

		{of: ofDisk, name: "full", apply: diskFull},
		{of: ofDisk, name: "full at the start", apply: diskFullAtStart},
		{of: ofDisk, name: "slow", apply: diskSlow},
		{of: ofDisk, name: "store locked by another", apply: storeLocked},

		{of: ofLink, name: "broker killed", apply: brokerEnds(true)},
		{of: ofLink, name: "broker stopped", apply: brokerEnds(false)},
		{of: ofLink, name: "consumer killed", apply: consumerKilled},
		{of: ofLink, name: "consumer ended", apply: consumerEnded},
		{of: ofLink, name: "garbage messages", apply: garbageMessages},
		{of: ofLink, name: "cut", apply: linkCut},
		{of: ofLink, name: "half open", apply: linkHalfOpen},
		{of: ofLink, name: "slow", apply: linkSlow},

		{of: ofRecords, name: "store of 0 bytes", apply: storeCut(0), wounds: true},
		{of: ofRecords, name: "store of 1 byte", apply: storeCut(1), wounds: true},
		{of: ofRecords, name: "FIFO for a journal", apply: fifoJournal, wounds: true},
		{of: ofRecords, name: "flipped bit in the file", apply: flippedFile, wounds: true},
	}
	for _, t := range tables {
		list = append(list, fault{of: ofRecords, name: "flipped bit in " + t, apply: flippedRow(t), wounds: true})
	}
	return list
}

// deck hands out all faults in an order of its own before any comes again.
type deck struct {
	seed  uint64
	round uint64
	all   []fault
	left  []fault
}

// next takes what one step tries: one fault, or two that befall different things.
func (d *deck) next(r *rand.Rand) []fault {
	drawn := []fault{d.draw()}
	if drawn[0].wounds || r.IntN(3) > 0 {
		return drawn
	}
	if len(d.left) > 0 && d.left[0].of != drawn[0].of && !d.left[0].wounds {
		drawn = append(drawn, d.draw())
	}
	return drawn
}

func (d *deck) draw() fault {
	if len(d.left) == 0 {
		d.round++
		d.left = shuffled(d.all, rand.New(rand.NewPCG(d.seed, d.round<<32)))
	}
	f := d.left[0]
	d.left = d.left[1:]
	return f
}

// shuffled puts faults in another order. Those that wound a car stand three
// together: they share one.
func shuffled(all []fault, r *rand.Rand) []fault {
	var groups [][]fault
	n := 0
	for _, i := range r.Perm(len(all)) {
		switch f := all[i]; {
		case !f.wounds:
			groups = append(groups, []fault{f})
		case n%3 == 0:
			groups = append(groups, []fault{f})
			n++
		default:
			for g := len(groups) - 1; ; g-- { // the group begun last
				if groups[g][0].wounds {
					groups[g] = append(groups[g], f)
					break
				}
			}
			n++
		}
	}
	r.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	return slices.Concat(groups...)
}
