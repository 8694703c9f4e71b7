package admin

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"io"

	"alpr/audit"
	"alpr/internal/atomicfile"
	"alpr/internal/regular"
	"alpr/internal/usage"
	"alpr/store"
	"alpr/vehicle"
)

// ExportAudit writes the audit log as JSON lines to a new file, or to out where path
// is "". With hasText the sealed words stand beside each record.
func ExportAudit(ctx context.Context, r *vehicle.Records, who store.Access, hasText bool, path string, out io.Writer) error {
	if path == "" {
		return r.Store.AuditLog().Export(ctx, who, hasText, out)
	}
	return atomicfile.CreateTo(path, 0o600, func(w io.Writer) error { return r.Store.AuditLog().Export(ctx, who, hasText, w) })
}

// AuditCheck is what a log is checked against.
type AuditCheck struct {
	key   ed25519.PublicKey
	known map[uint64]string
}

// NewAuditCheck takes the public key of the device, hexadecimal, and the path of an
// earlier export; both may be "".
func NewAuditCheck(key, against string) (c AuditCheck, err error) {
	if key != "" {
		raw, err := hex.DecodeString(key)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return c, usage.Errorf("--key: expected %d hexadecimal digits", 2*ed25519.PublicKeySize)
		}
		c.key = raw
	}
	if against == "" {
		return c, nil
	}
	f, err := regular.OpenPiped(against)
	if err != nil {
		return c, err
	}
	defer f.Close()
	c.known, err = audit.KnownRecords(f)
	return c, err
}

// File checks an exported log.
func (c *AuditCheck) File(path string, out io.Writer) error {
	f, err := regular.OpenPiped(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum, err := audit.Verify(f, c.key, c.known)
	if err != nil {
		return err
	}
	return printWhole(out, sum)
}

func printWhole(out io.Writer, sum audit.Summary) error {
	_, err := fmt.Fprintf(out, "whole: %d records, the last has hash %s, signed by device key %s\n", sum.Records, sum.Last, sum.PublicKey)
	return err
}

// Store checks every record of the store itself.
func (c *AuditCheck) Store(ctx context.Context, r *vehicle.Records, out io.Writer) error {
	sum, err := r.Store.AuditLog().Check(ctx, c.key, c.known)
	if err != nil {
		return err
	}
	return printWhole(out, sum)
}
