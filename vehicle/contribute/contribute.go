// Package contribute shares misreads that officers have corrected, with everything
// left out that could tell whose, when or where to more than is promised.
package contribute

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"alpr"
	"alpr/internal/atomicfile"
	"alpr/store"
)

// sample is all that is shared of one misread.
type sample struct {
	Crop   string   `json:"crop"` // file name
	Read   string   `json:"read"`
	Says   string   `json:"says"`
	Region string   `json:"region"` // as read; "" unknown
	Reader string   `json:"reader"` // version
	Hour   string   `json:"hour"`   // UTC
	Lat    *float64 `json:"lat"`    // of a cell of about 10 km; null where not known
	Lon    *float64 `json:"lon"`
	jpeg   []byte
}

// samples are the corrected misreads, stripped.
func samples(ctx context.Context, st *store.Store) ([]sample, error) {
	misreads, err := st.Contributions().Misreads(ctx)
	if err != nil {
		return nil, err
	}
	var out []sample
	for i, m := range misreads {
		jpeg, err := bareJPEG(m.Read.Crop.JPEG)
		if err != nil {
			return nil, fmt.Errorf("strip the crop of read %s: %w", m.Read.ID, err)
		}
		s := sample{
			Crop: fmt.Sprintf("%04d.jpg", i+1), Read: m.Read.Text.Text, Says: m.Correct, Reader: m.Read.RecogniserVersion,
			Hour: m.Read.At.UTC().Truncate(time.Hour).Format("2006-01-02T15Z"), jpeg: jpeg,
		}
		if r := m.Read.Text.Regions; len(r) > 0 {
			s.Region = r[0].Region
		}
		if m.Read.Fix.IsValid() {
			s.Lat, s.Lon = cell(m.Read.Fix)
		}
		out = append(out, s)
	}
	return out, nil
}

// cell is the middle of a cell of about 10 km by 10 km: 0.1° of latitude, and
// as much of longitude as is as long there.
func cell(f alpr.Fix) (lat, lon *float64) {
	const step = 0.1
	y := (math.Floor(f.Lat/step) + 0.5) * step
	across := step / max(0.1, math.Cos(y*math.Pi/180))
	x := (math.Floor(f.Lon/across) + 0.5) * across
	round := func(v float64) *float64 { v = math.Round(v*100) / 100; return &v }
	return round(y), round(x)
}

var errNotJPEG = errors.New("not a JPEG picture")

// bareJPEG is a JPEG picture without its comments and application segments,
// where cameras write time, place and serial number.
func bareJPEG(data []byte) ([]byte, error) {
	if len(data) < 4 || data[0] != 0xff || data[1] != 0xd8 {
		return nil, errNotJPEG
	}
	out := append([]byte(nil), data[:2]...)
	for at := 2; ; {
		if at+4 > len(data) || data[at] != 0xff {
			return nil, errNotJPEG
		}
		marker := data[at+1]
		if marker == 0xda { // start of scan: the rest is the picture
			return append(out, data[at:]...), nil
		}
		size := 2 + int(data[at+2])<<8 + int(data[at+3])
		if size < 4 || at+size > len(data) {
			return nil, errNotJPEG
		}
		isApp := marker >= 0xe0 && marker <= 0xef || marker == 0xfe
		if !isApp {
			out = append(out, data[at:at+size]...)
		}
		at += size
	}
}

func printSamples(out io.Writer, samples []sample) error {
	enc := json.NewEncoder(out)
	for _, s := range samples {
		if err := enc.Encode(s); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%d misreads, each with its crop\n", len(samples))
	return err
}

// Withdraw records that the agency does not agree any more, and names the batches
// that were shared, for whoever has them to delete.
func Withdraw(ctx context.Context, st *store.Store, who store.Access, out io.Writer) error {
	shared, err := st.Contributions().SetConsent(ctx, who, false)
	for _, batch := range shared {
		fmt.Fprintln(out, "to be deleted by its receiver: batch", batch)
	}
	return err
}

// List prints what would be shared, and shares nothing. The look is in the audit log.
func List(ctx context.Context, st *store.Store, who store.Access, out io.Writer) error {
	if err := st.AuditLog().Audit(ctx, who.Record(alpr.ActionContributeList, "", nil)); err != nil {
		return err
	}
	all, err := samples(ctx, st)
	if err != nil {
		return err
	}
	return printSamples(out, all)
}

// Export notes what is shared in the audit log, then lists it and writes it to the
// new folder dir. Without consent nothing is shown.
func Export(ctx context.Context, st *store.Store, who store.Access, dir string, out io.Writer) error {
	samples, err := samples(ctx, st)
	if err != nil {
		return err
	}
	if len(samples) == 0 {
		_, err := fmt.Fprintln(out, "there is no corrected misread with a crop: nothing to share")
		return err
	}
	name := make([]byte, 8)
	if _, err := rand.Read(name); err != nil {
		return err
	}
	batch := hex.EncodeToString(name)
	if err := st.Contributions().NoteShared(ctx, who, batch, len(samples)); err != nil {
		return err
	}
	if err := printSamples(out, samples); err != nil {
		return err
	}
	if err := writeSamples(dir, batch, samples); err != nil {
		return fmt.Errorf("write batch %s: %w", batch, err)
	}
	_, err = fmt.Fprintf(out, "batch %s is in %s\n", batch, dir)
	return err
}

func writeSamples(dir, batch string, samples []sample) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for _, s := range samples {
		if err := os.WriteFile(filepath.Join(dir, s.Crop), s.jpeg, 0o600); err != nil {
			return err
		}
	}
	return atomicfile.CreateTo(filepath.Join(dir, "batch-"+batch+".jsonl"), 0o600, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		for _, s := range samples {
			if err := enc.Encode(s); err != nil {
				return err
			}
		}
		return nil
	})
}
