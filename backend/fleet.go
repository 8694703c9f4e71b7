package backend

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"alpr/sync/event"
)

// FleetLine is what one vehicle last said of itself.
type FleetLine struct {
	Vehicle event.Vehicle `json:"vehicle"`
	SaidAt  time.Time     `json:"said_at"`
	Status  event.Status  `json:"status"`
}

// Fleet asks the broker for the retained status of all vehicles of an agency;
// "+" stands for all agencies. They come sorted by name.
func Fleet(ctx context.Context, b Broker, agency string) ([]FleetLine, error) {
	if agency != "+" {
		if err := event.CheckName(agency); err != nil {
			return nil, err
		}
	}
	c, err := dial(ctx, b)
	if err != nil {
		return nil, err
	}
	defer c.close()
	found, err := c.retained(ctx, event.Root+"/"+agency+"/+/"+event.TopicStatus)
	if err != nil {
		return nil, err
	}
	var lines []FleetLine
	var bad []error
	for topic, payload := range found {
		l := FleetLine{}
		e, err := event.Decode(payload)
		if err == nil {
			err = json.Unmarshal(e.Data, &l.Status)
		}
		if err == nil {
			l.Vehicle, _, err = event.ParseTopic(topic)
		}
		if err != nil {
			bad = append(bad, err)
			continue
		}
		l.SaidAt = e.Time
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b FleetLine) int { return strings.Compare(a.Vehicle.String(), b.Vehicle.String()) })
	return lines, errors.Join(bad...)
}
