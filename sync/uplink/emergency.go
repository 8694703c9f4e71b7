package uplink

import (
	"context"
	"time"

	"alpr"
	"alpr/sync/event"
	"alpr/sync/sharing"
)

// Scene is where the vehicle is and what its camera sees, for the emergency
// button.
type Scene interface {
	At(t time.Time) alpr.Fix
	Snapshot(ctx context.Context) (alpr.Picture, error)
}

// HoldEmergency starts to stream position and snapshots to whoever the release
// policy names for emergencies, until ReleaseEmergency. officer is who holds
// the button.
func (u *Uplink) HoldEmergency(ctx context.Context, officer string) {
	u.setEmergency(ctx, true, officer)
}

// ReleaseEmergency ends the stream.
func (u *Uplink) ReleaseEmergency(ctx context.Context, officer string) {
	u.setEmergency(ctx, false, officer)
}

func (u *Uplink) setEmergency(ctx context.Context, held bool, officer string) {
	u.mu.Lock()
	changed := u.held != held
	u.held = held
	u.mu.Unlock()
	if !changed {
		return
	}
	select {
	case u.heldChanged <- struct{}{}:
	default:
	}
	action := alpr.ActionReleaseEmergency
	if held {
		action = alpr.ActionHoldEmergency
	}
	to := u.sharing.To(sharing.Subject{What: sharing.Emergency, At: u.opt.Now(), IsEmergency: held})
	detail := map[string]string{}
	for _, r := range to {
		detail["to "+r] = "position and snapshots"
	}
	u.audit(ctx, officer, "emergency", action, u.vehicle.String(), detail)
}

func (u *Uplink) isEmergency() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.held
}

// streamEmergency sends while the button is held. Each picture waits for the
// one before: on a slow link there are fewer, never older ones.
func (s *session) streamEmergency(ctx context.Context) {
	u := s.u
	every := time.NewTicker(u.cfg.EmergencyEvery)
	defer every.Stop()
	wasHeld := false
	for {
		held := u.isEmergency()
		if held || wasHeld {
			s.sendEmergency(ctx, held)
		}
		wasHeld = held
		wait := every.C
		if !held {
			wait = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-u.heldChanged:
		case <-wait:
		}
	}
}

func (s *session) sendEmergency(ctx context.Context, held bool) {
	u, now := s.u, s.now()
	e := event.Emergency{At: now.UTC(), IsHeld: held, JPEG: []byte{}}
	var fix alpr.Fix
	if u.opt.Scene != nil {
		fix = u.opt.Scene.At(now)
		e.Position = event.PositionOf(fix)
		if held {
			p, err := u.opt.Scene.Snapshot(ctx)
			if err != nil {
				u.log.Warn("no snapshot for the emergency stream", "error", err)
			} else {
				e.JPEG = p.JPEG
			}
		}
	}
	// The note that the button was let go follows to all who received it while held.
	to := u.sharing.To(sharing.Subject{What: sharing.Emergency, At: now, Fix: fix, IsEmergency: true})
	payload, err := u.encode(event.TypeEmergency, e)
	if err == nil {
		err = s.publishTo(ctx, to, event.TopicEmergency, payload)
	}
	if err != nil && ctx.Err() == nil {
		u.log.Warn("emergency stream", "error", err)
	}
}
