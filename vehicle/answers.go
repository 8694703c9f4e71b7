package vehicle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"alpr"
	"alpr/internal/logkey"
	"alpr/store"
)

// maxAnswers bounds the officers' answers that wait in memory for a disk with room.
const maxAnswers = 256

// answers are dispositions that were taken and are not on record yet. It is safe
// for concurrent use.
type answers struct {
	mu   sync.Mutex
	list []alpr.Disposition // oldest first
}

// keep takes an answer, or refuses it where too many wait.
func (a *answers) keep(d alpr.Disposition) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.list) >= maxAnswers {
		return false
	}
	a.list = append(a.list, d)
	return true
}

func (a *answers) all() []alpr.Disposition {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.list)
}

func (a *answers) drop(id alpr.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = slices.DeleteFunc(a.list, func(d alpr.Disposition) bool { return d.ID == id })
}

// mayWait tells an answer that will be on record once the disk takes it, or its
// alert, from one that will never be.
func (o *openHits) mayWait(err error) bool {
	isBehind := o.isBehind != nil && o.isBehind()
	return errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrIO) || errors.Is(err, store.ErrNotKept) && isBehind
}

// storeAnswers puts the answers that wait on record, in order. Storing one twice
// changes nothing.
func (o *openHits) storeAnswers(ctx context.Context) {
	for _, d := range o.answers.all() {
		err := o.store.Recorder().Dispose(ctx, d)
		switch {
		case err == nil:
			o.log.Info("an answer that waited is on record", logkey.Hit, d.HitID)
		case o.mayWait(err) || ctx.Err() != nil:
			continue
		default:
			o.store.Notices().Note(ctx, store.PartRecords, fmt.Sprintf("the answer %q of %s to alert %s could not be put on record: %v", d.Verdict, d.Officer, d.HitID, err))
		}
		o.answers.drop(d.ID)
	}
}

// finish records what waits once nothing else will be recorded before the program
// ends. Answers that cannot be are lost: their alerts are open after the next start.
func (o *openHits) finish(ctx context.Context) {
	o.storeRest(ctx)
	for _, d := range o.answers.all() {
		o.log.Error("an answer is lost: the disk takes nothing, and its alert is open after the next start", logkey.Hit, d.HitID)
	}
}

// problems says that answers wait.
func (o *openHits) problems() []string {
	n := len(o.answers.all())
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Answers to alerts are taken and NOT YET on record (%d): the disk takes nothing. Free some room before alpr ends, or answer them again.", n)}
}
