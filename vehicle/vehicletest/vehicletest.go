// Package vehicletest is what the tests of a vehicle and of its commands share.
package vehicletest

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"alpr"
	"alpr/store"
)

// PassRead is a read as the pipeline records one.
func PassRead(t *testing.T, plate string) alpr.Read {
	t.Helper()
	now := time.Now().UTC()
	id, err := alpr.NewID(now, strings.NewReader(plate+"0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	r := alpr.Read{
		ID: id, Revision: 1, Camera: "front", FirstAt: now, At: now, LastAt: now, TimeSource: alpr.TimeGPS, RecogniserVersion: "r1",
		Text: alpr.Text{Text: plate, Confidence: 0.97, Regions: []alpr.RegionProb{{Region: "US-FL", P: 0.9}}},
		Fix:  alpr.Fix{At: now, Lat: 47.61234, Lon: -122.33456, Quality: alpr.GPSFix},
	}
	for s := range r.Text.Posterior {
		sym := alpr.Pad
		if s < len(plate) {
			sym = alpr.SymbolIndex(plate[s])
		}
		r.Text.Posterior[s][sym] = 1
	}
	var b bytes.Buffer
	b.Write([]byte{0xff, 0xd8, 0xff, 0xe1, 0, 8, 'S', 'E', 'C', 'R', 'E', 'T'})
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, image.NewGray(image.Rect(0, 0, 16, 8)), nil); err != nil {
		t.Fatal(err)
	}
	b.Write(plain.Bytes()[2:])
	r.Crop = alpr.Picture{JPEG: b.Bytes(), Width: 16, Height: 8}
	return r
}

// MustContain fails a test where a part of a text is missing.
func MustContain(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}

// SecretLocations are addresses of cameras that hold a password, by what is
// special about them.
func SecretLocations(secret string) map[string]string {
	return map[string]string{
		"refused":   "rtsp://admin:" + secret + "@127.0.0.1:1/main",
		"in query":  "rtsp://127.0.0.1:1/main?user=admin&pwd=" + secret,
		"in path":   "rtsp://127.0.0.1:1/user=admin&password=" + secret + "&channel=1.sdp",
		"special":   "rtsp://admin:" + secret + "#/?%^@127.0.0.1:1/main",
		"no host":   "rtsp://admin:" + secret + "@",
		"bare root": "rtsp://admin:" + secret + "@127.0.0.1:1",
	}
}

// Keep records one read by itself.
func Keep(ctx context.Context, s *store.Store, read alpr.Read, hits []alpr.Hit) error {
	_, err := s.Recorder().RecordAll(ctx, []alpr.Record{{Read: read, Hits: hits}})
	return err
}

// Kept are all reads on record, oldest first.
func Kept(ctx context.Context, s *store.Store) (reads []alpr.Read, err error) {
	who := store.Access{Officer: "test", Purpose: "what is on record"}
	err = s.Reads().MatchPast(ctx, who, alpr.Entry{Plate: "TEST"}, func(r *alpr.Read) error {
		reads = append(reads, *r)
		return nil
	})
	return reads, err
}
