package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"alpr/backend"
	"alpr/internal/usage"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

func newKeygenCommand() *cobra.Command {
	var scopes []string
	cmd := &cobra.Command{
		Use:   "keygen NAME FILE",
		Short: "Make a key that signs what vehicles are told",
		Long: `Keygen writes a private key to FILE and prints the line for uplink.trusted_keys in the vehicles'
configuration. Scopes: hotlist, image, policy; receipt, for consumers: vehicles that trust such a key take no
unsigned receipt; and keys, which signs changes of the keys themselves and is best made and kept on a machine
without a network.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := backend.NewSigner(args[0])
			if err != nil {
				return &usage.Error{Err: err}
			}
			var kinds []downlink.Kind
			for _, k := range scopes {
				kinds = append(kinds, downlink.Kind(k))
			}
			line := s.Public(kinds...).String()
			if _, err := downlink.ParseKey(line); err != nil {
				return &usage.Error{Err: err}
			}
			if err := s.Save(args[1]); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
			return err
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", []string{"hotlist", "image", "policy"}, "what the key may sign")
	return cmd
}

func needed(cmd *cobra.Command, flags ...string) *cobra.Command {
	for _, name := range flags {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that is not declared: a mistake in this file
		}
	}
	return cmd
}

func newRequestImageCommand() *cobra.Command {
	var (
		broker       backend.Broker
		r            downlink.ImageRequest
		signKey, out string
		wait, valid  time.Duration
	)
	cmd := &cobra.Command{
		Use:   "request-image SHA256",
		Short: "Ask a vehicle for a picture of a read, by its hash",
		Long: `Request-image leaves a signed request at the broker and waits for the picture. The vehicle keeps who asked
and why in its audit log, and sends the picture only as far as its owner's sharing policy allows.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := backend.LoadSigner(signKey)
			if err != nil {
				return err
			}
			r.SHA256, r.RequestedAt = args[0], time.Now().UTC()
			r.ExpiresAt = r.RequestedAt.Add(valid)
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			jpeg, err := backend.RequestImage(ctx, broker, s, r)
			if err != nil {
				return err
			}
			return savePicture(cmd, jpeg, r.SHA256, out)
		},
	}
	addBrokerFlags(cmd, &broker)
	f := cmd.Flags()
	f.StringVar(&r.Agency, "agency", "", "of the vehicle (needed)")
	f.StringVar(&r.Vehicle, "vehicle", "", "its name (needed)")
	f.StringVar(&r.Officer, "officer", "", "who asks (needed)")
	f.StringVar(&r.Purpose, "purpose", "", "why (needed)")
	f.StringVar(&signKey, "sign-key", "", "private key file from keygen (needed)")
	f.StringVarP(&out, "out", "o", "", "file for the picture; empty: its hash, and .jpg")
	f.DurationVar(&wait, "wait", 2*time.Minute, "how long to wait for it")
	f.DurationVar(&valid, "valid", 7*24*time.Hour, "how long the vehicle may answer")
	return needed(cmd, "agency", "vehicle", "officer", "purpose", "sign-key")
}

func newPublishPolicyCommand() *cobra.Command {
	var (
		broker    backend.Broker
		signKey   string
		vehicles  []string
		retention map[string]string
		p         downlink.PolicyChange
	)
	cmd := &cobra.Command{
		Use:     "publish-policy",
		Short:   "Ask vehicles to keep less, or to alert on less",
		Long:    "Publish-policy can only tighten: a vehicle keeps its own value wherever that is shorter.",
		Example: "  alpr-backend publish-policy --vehicle pd/car-1 --retention read=72h --forbid \"fines and fees\" --version 3 --sign-key policy.key",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := backend.LoadSigner(signKey)
			if err != nil {
				return err
			}
			p.RetentionS = map[string]int64{}
			for class, text := range retention {
				d, err := time.ParseDuration(text)
				if err != nil {
					return usage.Errorf("retention of %s: %w", class, err)
				}
				p.RetentionS[class] = int64(d.Seconds())
			}
			list, err := parseVehicles(vehicles)
			if err != nil {
				return &usage.Error{Err: err}
			}
			return backend.PublishPolicy(cmd.Context(), broker, s, list, p)
		},
	}
	addBrokerFlags(cmd, &broker)
	f := cmd.Flags()
	f.StringSliceVar(&vehicles, "vehicle", nil, "agency/vehicle, more than once (needed)")
	f.StringToStringVar(&retention, "retention", nil, "class=longest time, such as read=72h")
	f.StringSliceVar(&p.Forbid, "forbid", nil, "category of entries that must not alert")
	f.Uint64Var(&p.Version, "version", 0, "number of this policy, above the last one's (needed)")
	f.StringVar(&signKey, "sign-key", "", "private key file from keygen (needed)")
	return needed(cmd, "vehicle", "version", "sign-key")
}

func newPublishKeysCommand() *cobra.Command {
	var (
		broker  backend.Broker
		signKey string
		add     []string
		c       downlink.KeyChange
	)
	cmd := &cobra.Command{
		Use:   "publish-keys",
		Short: "Change the signing keys that an agency's vehicles trust",
		Long: `Publish-keys says all that differs from the vehicles' configured keys; the newest statement replaces the
one before. The signing key needs the scope "keys". To rotate: add the new key, sign with it, then revoke the old.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := backend.LoadSigner(signKey)
			if err != nil {
				return err
			}
			for _, text := range add {
				k, err := downlink.ParseKey(text)
				if err != nil {
					return &usage.Error{Err: err}
				}
				c.Add = append(c.Add, k)
			}
			return backend.PublishKeys(cmd.Context(), broker, s, c)
		},
	}
	addBrokerFlags(cmd, &broker)
	f := cmd.Flags()
	f.StringVar(&c.Agency, "agency", "", "whose vehicles (needed)")
	f.StringArrayVar(&add, "add", nil, "key to trust, as keygen prints it")
	f.StringSliceVar(&c.Revoke, "revoke", nil, "name of a key to trust no longer")
	f.Uint64Var(&c.Version, "version", 0, "number of this change, above the last one's (needed)")
	f.StringVar(&signKey, "sign-key", "", "private key file with the scope keys (needed)")
	return needed(cmd, "agency", "version", "sign-key")
}

func parseVehicles(names []string) ([]event.Vehicle, error) {
	var out []event.Vehicle
	for _, n := range names {
		agency, name, _ := strings.Cut(n, "/")
		v := event.Vehicle{Agency: agency, Name: name}
		if err := v.Check(); err != nil {
			return nil, fmt.Errorf("vehicle %q is not agency/vehicle: %w", n, err)
		}
		out = append(out, v)
	}
	return out, nil
}
