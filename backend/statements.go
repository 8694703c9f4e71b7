package backend

import (
	"context"

	"alpr/sync/downlink"
	"alpr/sync/event"
)

// PublishPolicy asks one vehicle, or every vehicle named, for tighter rules. It
// is retained, so that vehicles learn of it when they connect.
func PublishPolicy(ctx context.Context, b Broker, s Signer, vehicles []event.Vehicle, p downlink.PolicyChange) error {
	c, err := dial(ctx, b)
	if err != nil {
		return err
	}
	defer c.close()
	for _, v := range vehicles {
		p.Agency, p.Vehicle = v.Agency, v.Name
		if err := p.Check(v); err != nil {
			return err
		}
		statement, err := downlink.Sign(downlink.KindPolicy, p, s.Name, s.Private)
		if err != nil {
			return err
		}
		if err := c.retain(ctx, v.PolicyTopic(), statement); err != nil {
			return err
		}
	}
	return nil
}

// PublishKeys changes the keys that all vehicles of an agency trust. The signer
// needs the scope "keys" there.
func PublishKeys(ctx context.Context, b Broker, s Signer, change downlink.KeyChange) error {
	c, err := dial(ctx, b)
	if err != nil {
		return err
	}
	defer c.close()
	statement, err := downlink.Sign(downlink.KindKeys, change, s.Name, s.Private)
	if err != nil {
		return err
	}
	return c.retain(ctx, event.KeysTopic(change.Agency), statement)
}
